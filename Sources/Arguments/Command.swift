package import Schema

/// A command as the command line knows it: its words, what it does, and what it takes.
package struct Command: Sendable {
    /// The words of the command: `pin add`.
    package let name: String
    package let summary: String
    package let details: String
    /// What it takes, made when somebody asks: a start of the program needs it for one command of many.
    package let inputs: @Sendable () -> Inputs

    package init(name: String, summary: String, details: String, inputs: @escaping @Sendable () -> Inputs) {
        self.name = name
        self.summary = summary
        self.details = details
        self.inputs = inputs
    }

    /// The single words of the name.
    var words: [String] { name.split(separator: " ").map(String.init) }

    /// The inputs of a command.
    package struct Inputs: Sendable {
        package let fields: [FieldInfo]
        /// Fields that are added to the field `settings` as `name=value`; one name may stand there more than once.
        package let openFields: [FieldInfo]
        /// What a field is when nothing is given.
        package let defaults: [String: FieldValue]

        package init(fields: [FieldInfo], openFields: [FieldInfo] = [], defaults: [String: FieldValue] = [:]) {
            self.fields = fields
            self.openFields = openFields
            self.defaults = defaults
        }

        /// The inputs of a described type, with the defaults that it has.
        package init<Root: Described>(_: Root.Type, openFields: [FieldInfo] = []) {
            let fresh = Root()
            let fields = Root.fieldInfo
            var defaults: [String: FieldValue] = [:]
            for field in fields { defaults[field.name] = fresh.value(of: field.name) }
            self.init(fields: fields, openFields: openFields, defaults: defaults)
        }
    }
}
