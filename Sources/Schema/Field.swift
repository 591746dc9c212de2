/// One setting or input of `Root`: its name, its type, what it means, and how to get at it.
///
/// YAML, flags, environment variables, HTTP bodies, documentation and redaction are all made from it.
package struct Field<Root>: Sendable {
    package let info: FieldInfo
    let read: @Sendable (Root) -> FieldValue?
    let write: @Sendable (inout Root, FieldValue) throws(FieldProblem) -> Void

    fileprivate init(
        copying info: FieldInfo,
        read: @escaping @Sendable (Root) -> FieldValue?,
        write: @escaping @Sendable (inout Root, FieldValue) throws(FieldProblem) -> Void
    ) {
        self.info = info
        self.read = read
        self.write = write
    }

    /// Describes the field at `path`; a number below `least` is refused.
    package init<Value: FieldConvertible>(
        _ name: String,
        _ path: any WritableKeyPath<Root, Value> & Sendable,
        help: String,
        as meaning: FieldMeaning? = nil,
        required: Bool = false,
        secret: Bool = false,
        address: Bool = false,
        positional: Bool = false,
        whole: Bool = false,
        section: FieldSection = .connection,
        least: Int64? = nil,
        env: [String] = [],
        aliases: [String] = []
    ) {
        info = FieldInfo(
            name: name,
            kind: Value.fieldKind,
            meaning: meaning,
            help: help,
            isRequired: required,
            isSecret: secret,
            isAddress: address,
            isPositional: positional,
            isWhole: whole,
            section: section,
            least: least,
            environment: env,
            aliases: aliases
        )
        read = { $0[keyPath: path].fieldValue }
        write = { (root: inout Root, value: FieldValue) throws(FieldProblem) in
            // Not all values were text that was parsed.
            try FieldInfo.check(value, least: least)
            root[keyPath: path] = try Value(field: value)
        }
    }
}

extension Field {
    /// The same field of something that holds a `Root` at `path`.
    package func of<Holder>(_ path: any WritableKeyPath<Holder, Root> & Sendable) -> Field<Holder> {
        Field<Holder>(
            copying: info,
            read: { holder in read(holder[keyPath: path]) },
            write: { (holder: inout Holder, value: FieldValue) throws(FieldProblem) in
                try write(&holder[keyPath: path], value)
            }
        )
    }
}

/// What a text stands for that a field takes.
package enum FieldMeaning: String, Sendable {
    case cid, backend
    /// A file or folder of the machine that the kit runs on.
    case path
    /// What the machine that the kit runs on would execute, or how.
    case program

    /// Whether only the owner's own shell and files may give it.
    ///
    /// From anybody else it would be a look into his files, or the execution of code.
    package var isLocal: Bool { self == .path || self == .program }
}

/// The part of a backend file that a setting stands in.
package enum FieldSection: String, Sendable, CaseIterable {
    case connection, credentials, operational, policies
}

/// What is known of a field without the type that it belongs to.
package struct FieldInfo: Sendable, Hashable {
    package let name: String
    package let kind: FieldKind
    /// What the text stands for, where it is no mere text.
    package let meaning: FieldMeaning?
    package let help: String
    package let isRequired: Bool
    package let isSecret: Bool
    /// Whether it is a URL, perhaps without its scheme: a user, a password or a query may not stand in it.
    package let isAddress: Bool
    package let isPositional: Bool
    /// Of a list: whether each text that is given is one item, whatever commas are in it.
    package let isWhole: Bool
    package let section: FieldSection
    /// The least number that is taken; nil where there is none.
    package let least: Int64?
    /// Variables that give the value when nothing else does, the first one found first.
    package let environment: [String]
    /// Historic spellings of the name that are read, never written.
    package let aliases: [String]

    /// Reads a value from text; the problem is a phrase that fits after "is".
    package func parse(_ text: String) throws(FieldProblem) -> FieldValue {
        let value = isWhole ? .list([text]) : try kind.parse(text)
        try Self.check(value, least: least)
        return value
    }

    fileprivate static func check(_ value: FieldValue, least: Int64?) throws(FieldProblem) {
        guard let least, case .integer(let number) = value, number < least else { return }
        throw FieldProblem("“\(number)” is less than \(least)")
    }

    /// The name as a long flag: `access_key_id` is `--access-key-id`.
    package var flag: String { "--" + String(name.map { $0 == "_" ? "-" : $0 }) }
}

/// A type whose values are made from fields.
package protocol Described: Sendable {
    /// A value with every field at its default.
    init()

    /// All fields, in the order in which people should see them.
    static var fields: [Field<Self>] { get }
}

extension Described {
    /// What is known of all fields.
    package static var fieldInfo: [FieldInfo] { fields.map(\.info) }

    /// Makes a value from named field values.
    ///
    /// Throws `unknown` for a name that is no field, `missing` for a required one without value, `badValue` otherwise.
    package init(values: [String: FieldValue]) throws(SchemaError) {
        self.init()
        try set(values)
        for field in Self.fields where field.info.isRequired && field.read(self) == nil {
            throw SchemaError.missing(field.info.name)
        }
    }

    /// Changes the named fields and leaves the others.
    package mutating func set(_ values: [String: FieldValue]) throws(SchemaError) {
        let fields = Self.fields
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            guard let field = fields.first(where: { $0.info.name == name || $0.info.aliases.contains(name) }) else {
                throw SchemaError.unknown(name, among: fields.map(\.info.name))
            }
            do throws(FieldProblem) {
                try field.write(&self, value)
            } catch {
                throw SchemaError.badValue(
                    field.info.name,
                    field.info.isSecret ? "the value does not fit" : error.phrase
                )
            }
        }
    }

    /// The value of a field, or nil where nothing is set.
    package func value(of name: String) -> FieldValue? {
        Self.fields.first { $0.info.name == name }?.read(self)
    }
}
