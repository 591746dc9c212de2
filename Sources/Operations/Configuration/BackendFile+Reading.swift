internal import Policies
internal import POSIX
internal import Schema
internal import Services
internal import Storage
internal import YAML

extension BackendFile {
    /// Reads the file of a backend.
    ///
    /// Errors name the file, the line, the key and the nearest right spelling.
    static func read(_ name: String, path: String) throws(KitError) -> BackendFile {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try readFile(path, limit: longest)
        } catch {
            throw KitError(error)
        }
        return try parse(bytes, name: name, path: path)
    }

    /// Reads the text of a backend's file.
    static func parse(_ bytes: [UInt8], name: String, path: String) throws(KitError) -> BackendFile {
        func problem(_ line: Int, _ phrase: String) -> KitError {
            KitError(.usage, "\(path):\(line): \(sentence(phrase))", hint: Hint(BackendTypes.self), backend: name)
        }
        let root: YAMLNode
        do throws(YAMLError) {
            root = try YAMLNode.parse(bytes)
        } catch {
            throw problem(error.line, phrase(error))
        }
        guard let pairs = root.mapping else { throw problem(1, "The file is not a mapping of keys to values") }
        guard let type = root["type"]?.string else { throw problem(1, "The key “type” is required and is not there") }
        guard let row = ServiceRow.named(type) else {
            let names = ServiceRow.all.flatMap { [$0.type] + $0.aliases }
            throw problem(root["type"]?.mark.line ?? 1, SchemaError.unknown(type, among: names).message)
        }
        if let other = root["name"]?.string, other != name {
            throw problem(
                root["name"]?.mark.line ?? 1,
                "The name “\(other)” is not that of the file, “\(name)”"
            )
        }
        var file = BackendFile(name: name, type: type, row: row, path: path, at: Timestamp(milliseconds: 0))
        try file.take(pairs, problem)
        try file.check()
        return file
    }

    /// What is wrong with a text, without what stands there: it may be a secret.
    private static func phrase(_ error: YAMLError) -> String {
        switch error.code {
        case .unknownAlias: "A value that begins with “*” is an alias in YAML; put it into quotes"
        case .unsupported:
            "There is a tag, or a key, that settings cannot have; a value that begins with “!” needs quotes"
        case .duplicateKey, .notUTF8, .syntax, .tooLarge, .severalDocuments: error.problem
        }
    }

    private mutating func take(_ pairs: [YAMLPair], _ problem: (Int, String) -> KitError) throws(KitError) {
        for pair in pairs {
            let line = pair.keyMark.line
            switch pair.key {
            case "name", "type": break
            case "enabled":
                guard let flag = pair.value.bool else { throw problem(line, "enabled is not true or false") }
                isEnabled = flag
            case "from_snapshot":
                guard let flag = pair.value.bool else { throw problem(line, "from_snapshot is not true or false") }
                isFromSnapshot = flag
            case "status" where pair.value.string == "enabled" || pair.value.string == "disabled":
                isEnabled = pair.value.string == "enabled"
            case "created_at": createdAt = try time(pair, problem)
            case "updated_at": updatedAt = try time(pair, problem)
            case "metadata": takeMetadata(pair.value)
            case "description": description = pair.value.string ?? ""
            case "tier": tags["tier"] = pair.value.string ?? ""
            case "config": try takeSection(pair, nil, problem)
            default:
                if let section = FieldSection(rawValue: pair.key) {
                    try takeSection(pair, section, problem)
                } else if find(pair.key) != nil {
                    // The flat form of the original: the settings stand at the top.
                    try takeSetting(pair, nil, problem)
                } else {
                    let known =
                        ["name", "type", "enabled", "created_at", "updated_at", "metadata", "config"]
                        + FieldSection.allCases.map(\.rawValue) + fields.map(\.name)
                    throw problem(line, SchemaError.unknown(pair.key, among: known).message)
                }
            }
        }
    }

    private func time(_ pair: YAMLPair, _ problem: (Int, String) -> KitError) throws(KitError) -> Timestamp {
        guard let text = pair.value.string, let time = Timestamp(text) else {
            throw problem(pair.keyMark.line, "\(pair.key) is not a date such as 2026-07-30T19:44:19.863Z")
        }
        return time
    }

    private mutating func takeMetadata(_ node: YAMLNode) {
        description = node["description"]?.string ?? description
        for pair in node["tags"]?.mapping ?? [] { tags[pair.key] = pair.value.string ?? "" }
    }

    private mutating func takeSection(
        _ pair: YAMLPair,
        _ section: FieldSection?,
        _ problem: (Int, String) -> KitError
    ) throws(KitError) {
        if pair.value.isNull { return }
        guard let pairs = pair.value.mapping else {
            throw problem(pair.keyMark.line, "\(pair.key) is not a mapping of keys to values")
        }
        for setting in pairs { try takeSetting(setting, section, problem) }
    }

    private func find(_ key: String) -> FieldInfo? {
        fields.first { $0.name == key } ?? fields.first { $0.aliases.contains(key) }
    }

    private mutating func takeSetting(
        _ pair: YAMLPair,
        _ section: FieldSection?,
        _ problem: (Int, String) -> KitError
    ) throws(KitError) {
        let line = pair.keyMark.line
        guard let field = find(pair.key) else {
            let names = fields.filter { section == nil || $0.section == section }.map(\.name)
            throw problem(line, SchemaError.unknown(pair.key, among: names).message)
        }
        if let section, field.section != section {
            throw problem(line, "“\(pair.key)” belongs under \(field.section.rawValue)")
        }
        if pair.value.isNull { return }
        if settings[field.name] != nil { throw problem(line, "“\(field.name)” stands there twice, in two spellings") }
        if let text = pair.value.string {
            settings[field.name] = Setting(text, line: line)
        } else if let nodes = pair.value.sequence {
            settings[field.name] = Setting(items: nodes.compactMap(\.string), line: line)
        } else {
            throw problem(line, "“\(pair.key)” is not a single value")
        }
    }
}
