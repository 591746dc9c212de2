internal import POSIX
internal import Policies
package import Schema
package import Storage
internal import YAML

/// One backend as its file describes it: settings as they are written, with references not replaced.
package struct BackendFile: Sendable {
    /// A setting as it stands in the file.
    struct Setting: Sendable, Hashable {
        /// One text, or the items of a list.
        var items: [String]
        var isList: Bool
        /// The line in the file; 0 for one that did not come from a file.
        var line: Int

        init(_ text: String, line: Int = 0) {
            items = [text]
            isList = false
            self.line = line
        }

        init(items: [String], line: Int) {
            self.items = items
            isList = true
            self.line = line
        }

        var text: String { items.joined(separator: ",") }
    }

    package let name: String
    /// The word for the type as it stands in the file.
    package let type: String
    package let row: ServiceRow
    package var isEnabled: Bool
    /// Whether the settings came from a snapshot and the owner has not looked at them: nothing in them is used.
    package var isFromSnapshot = false
    package var createdAt: Timestamp
    package var updatedAt: Timestamp
    package var description: String
    package var tags: [String: String]
    /// By the name of the field, whatever spelling the file had.
    var settings: [String: Setting]
    /// The path of the file, for messages.
    let path: String

    /// A backend that has no file yet.
    init(name: String, type: String, row: ServiceRow, path: String, at time: Timestamp) {
        self.name = name
        self.type = type
        self.row = row
        self.path = path
        isEnabled = true
        createdAt = time
        updatedAt = time
        description = ""
        tags = [:]
        settings = [:]
    }

    /// The fields that a file of this type may have.
    var fields: [FieldInfo] { Self.fields(of: row) }

    /// Whether nothing can be stored with a backend of the type.
    var onlyGives: Bool { !row.capabilities.contains(.write) }

    /// What to say to whoever expects something to be stored with one that only gives.
    var givesSentence: String { "\(name) only gives what it has: nothing is ever stored there." }

    static func fields(of row: ServiceRow) -> [FieldInfo] {
        row.fields + OperationalSettings.fieldInfo + BackendPolicies.fieldInfo
    }

    /// Says whether a name can be that of a backend: it is part of paths and of flags.
    package static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, first.isLowerOrDigit, text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { $0.isLowerOrDigit || $0 == 0x2D || $0 == 0x5F }
    }

    /// The longest file of a backend that is read, and written, in bytes.
    static let longest = 1 << 20

    /// Checks every setting that is not a reference, and that what is required is there.
    func check() throws(KitError) {
        for (name, setting) in settings.sorted(by: { $0.key < $1.key }) {
            guard let field = fields.first(where: { $0.name == name }) else { continue }
            if field.isSecret {
                for item in setting.items where !Self.isOnlyReference(item) { Redactor.shared.learn(item) }
            }
            try refuseCredentials(setting.items, field, setting.line)
            guard !setting.items.contains(where: hasReference) else { continue }
            do throws(FieldProblem) {
                _ = try Self.value(setting.items, setting.isList, field)
            } catch {
                throw problem(setting.line, "\(field.section.rawValue).\(name) \(Self.phrase(field))")
            }
        }
        try checkType()
        for field in row.fields where field.isRequired && settings[field.name] == nil && field.environment.isEmpty {
            throw problem(0, "\(field.section.rawValue).\(field.name) is required and is not there")
        }
    }

    /// Throws where what people are told of the backend has a secret in it.
    ///
    /// One that is there already stays readable; nothing of the secret is shown, or goes along in a snapshot.
    func checkDescription() throws(KitError) {
        guard Redactor.hasCredentials(description) else { return }
        throw problem(0, "The description has a user, a password or a signature in it; take it out")
    }

    /// Asks the type about the settings that are known now: a reference stands for what nobody has looked up yet.
    private func checkType() throws(KitError) {
        var values: [String: FieldValue] = [:]
        for field in row.fields {
            guard let setting = settings[field.name], !setting.items.contains(where: hasReference) else { continue }
            values[field.name] = try? Self.value(setting.items, setting.isList, field)
        }
        do throws(StorageError) {
            try row.check(values)
        } catch {
            throw problem(0, error.message)
        }
    }

    /// The settings with references replaced and variables looked up, ready to open the backend with.
    func values(
        environment: (String) -> String?
    ) throws(KitError) -> (
        type: [String: FieldValue], operational: [String: FieldValue], policies: [String: FieldValue]
    ) {
        var result: [String: FieldValue] = [:]
        for field in fields {
            var items: [String]
            let setting = settings[field.name]
            if let setting {
                items = []
                for item in setting.items { items.append(try expanded(item, field, setting.line, environment)) }
                try refuseCredentials(items, field, setting.line)
            } else if let found = field.environment.lazy.compactMap(environment).first(where: { !$0.isEmpty }) {
                if field.isSecret { Redactor.shared.learn(found) }
                items = [found]
            } else {
                continue
            }
            do throws(FieldProblem) {
                result[field.name] = try Self.value(items, setting?.isList ?? false, field)
            } catch {
                throw problem(
                    setting?.line ?? 0,
                    "\(field.section.rawValue).\(field.name) \(Self.phrase(field))"
                )
            }
        }
        func part(_ fields: [FieldInfo]) -> [String: FieldValue] {
            let names = Set(fields.map(\.name))
            return result.filter { names.contains($0.key) }
        }
        return (part(row.fields), part(OperationalSettings.fieldInfo), part(BackendPolicies.fieldInfo))
    }

    /// The same without the settings of which something refers to what is not there.
    func known(in environment: (String) -> String?) -> BackendFile {
        var file = self
        file.settings = settings.filter { _, setting in
            setting.items.allSatisfy { (try? expand($0, environment: environment)) != nil }
        }
        return file
    }

    private func expanded(
        _ text: String,
        _ field: FieldInfo,
        _ line: Int,
        _ environment: (String) -> String?
    ) throws(KitError) -> String {
        do throws(ExpansionProblem) {
            let value = try expand(text) { value, isFromFile in
                Redactor.shared.learn(replacement: value, ofSecret: field.isSecret, fromFile: isFromFile)
            } environment: {
                environment($0)
            }
            if field.isSecret { Redactor.shared.learn(value) }
            return value
        } catch {
            throw problem(line, "\(field.section.rawValue).\(field.name) \(error.phrase)")
        }
    }

    private static func value(_ items: [String], _ isList: Bool, _ field: FieldInfo) throws(FieldProblem) -> FieldValue
    {
        if field.kind == .list { return isList ? .list(items) : try field.parse(items.first ?? "") }
        guard !isList else { throw FieldProblem("a list is not one value") }
        return try field.parse(items.first ?? "")
    }

    /// Throws where a setting that is none for secrets has one in it: such settings are shown, and left on other
    /// backends.
    ///
    /// No setting is a URL with a query or a fragment, so what stands there is one as well.
    private func refuseCredentials(_ items: [String], _ field: FieldInfo, _ line: Int) throws(KitError) {
        guard !field.isSecret else { return }
        let isWrong = items.contains { item in
            if Redactor.hasCredentials(item, isAddress: field.isAddress) { return true }
            guard let scheme = item.firstRange(of: "://") else { return false }
            return item[scheme.upperBound...].contains { $0 == "?" || $0 == "#" }
        }
        guard isWrong else { return }
        throw problem(
            line,
            "\(field.section.rawValue).\(field.name) has a user, a password or a query in a URL; put secrets under "
                + "credentials"
        )
    }

    /// What is wrong with a value, which may be a secret that stands in the wrong place, so it is not shown.
    private static func phrase(_ field: FieldInfo) -> String {
        switch field.kind {
        case .text: "has a value that does not fit"
        case .integer: "is not a whole number" + (field.least.map { " of at least \($0)" } ?? "")
        case .flag: "is not true or false"
        case .list: "is not a list"
        case .choice(let words): "is not one of \(words.joined(separator: ", "))"
        case .size: "is not a size such as 16MiB or 1000GB"
        case .duration: "is not a length of time such as 90s or 2h30m"
        }
    }

    /// A phrase with a full stop, unless it ends like a sentence already.
    static func sentence(_ phrase: String) -> String {
        phrase.hasSuffix(".") || phrase.hasSuffix("?") ? phrase : phrase + "."
    }

    /// An error about the file, with the line where there is one.
    func problem(_ line: Int, _ phrase: String) -> KitError {
        KitError(
            .usage,
            "\(path)\(line > 0 ? ":\(line)" : ""): \(Self.sentence(phrase))",
            hint: (try? fileExists(path)) == true
                ? Hint(BackendShow.self, ["name": name]) : Hint(BackendTypes.self, ["type": row.type]),
            backend: name
        )
    }
}

extension UInt8 {
    fileprivate var isLowerOrDigit: Bool { (0x30...0x39).contains(self) || (0x61...0x7A).contains(self) }
}
