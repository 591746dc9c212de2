internal import POSIX
internal import Schema
internal import YAML

extension BackendFile {
    /// The text of the file.
    func text() -> String { node(plain: { $0 }) { _, setting in setting }.text() }

    /// The text of the file without secrets.
    ///
    /// A reference such as `${VAR}` is not a secret and stays. It is left on other backends, so that what stands in the
    /// wrong place does not go along either.
    func textWithoutSecrets() -> String {
        let clean = { (text: String) in Redactor.shared.clean(text) }
        return node(plain: clean) { field, setting in
            if field.isSecret { return setting.items.allSatisfy(Self.isOnlyReference) ? setting : nil }
            var setting = setting
            setting.items = setting.items.map(clean)
            return setting
        }.text()
    }

    /// A setting as people may see it.
    func shown(_ field: FieldInfo, _ setting: Setting) -> String {
        field.isSecret && !setting.items.allSatisfy(Self.isOnlyReference) ? Redactor.mark : setting.text
    }

    /// Says whether a text is nothing but one reference without a default, so that it gives nothing away.
    static func isOnlyReference(_ text: String) -> Bool {
        text.hasPrefix("${") && text.hasSuffix("}") && !text.contains(":-")
            && text.dropFirst(2).dropLast().allSatisfy { $0 != "{" && $0 != "}" }
    }

    private func node(plain: (String) -> String, _ pass: (FieldInfo, Setting) -> Setting?) -> YAMLNode {
        var pairs: [(String, YAMLNode)] = [
            ("name", .text(name)), ("type", .text(type)), ("enabled", .boolean(isEnabled)),
            ("created_at", .text(createdAt.description)), ("updated_at", .text(updatedAt.description)),
        ]
        if isFromSnapshot { pairs.append(("from_snapshot", .boolean(true))) }
        for section in FieldSection.allCases {
            let values = fields.filter { $0.section == section }.compactMap { field -> (String, YAMLNode)? in
                guard let setting = settings[field.name].flatMap({ pass(field, $0) }) else { return nil }
                return (field.name, Self.node(setting, field))
            }
            if !values.isEmpty { pairs.append((section.rawValue, .mapping(values))) }
        }
        let tagged = tags.sorted { $0.key < $1.key }.map { (plain($0.key), YAMLNode.text(plain($0.value))) }
        var metadata: [(String, YAMLNode)] = [("description", .text(plain(description))), ("version", .text("1.0"))]
        if !tagged.isEmpty { metadata.append(("tags", .mapping(tagged))) }
        pairs.append(("metadata", .mapping(metadata)))
        return .mapping(pairs)
    }

    private static func node(_ setting: Setting, _ field: FieldInfo) -> YAMLNode {
        if setting.isList { return .sequence(setting.items.map(YAMLNode.text)) }
        switch field.kind {
        case .integer: return Int64(setting.text).map(YAMLNode.integer) ?? .text(setting.text)
        case .flag:
            guard case .flag(let flag)? = try? FieldKind.flag.parse(setting.text) else { return .text(setting.text) }
            return .boolean(flag)
        default: return .text(setting.text)
        }
    }

    /// Writes the file, readable by its owner only.
    func save() throws(KitError) {
        let bytes = Array(text().utf8)
        guard bytes.count <= Self.longest else {
            throw problem(0, "The file would have \(bytes.count) bytes; at most \(Self.longest) are read")
        }
        do throws(FileError) {
            try replaceFile(path, with: bytes, permissions: 0o600)
        } catch {
            throw KitError(error)
        }
    }
}
