/// Names as ways through folders, for services that have some.
enum FolderPath {
    /// The folders between the root and a name, the outermost first.
    static func folders(of name: String) -> [String] {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return parts.indices.map { parts[...$0].joined(separator: "/") }
    }

    /// The folder of a name; the root has none.
    static func folder(of name: String) -> String { folders(of: name).last ?? "" }
}
