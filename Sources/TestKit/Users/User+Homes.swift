internal import Foundation
internal import Testing

/// What a test looks up in a home, and what happens to homes from outside.
extension User {
    /// What is known of a root on a backend; nil where nothing is.
    package func mapping(_ root: String, on backend: String) async throws -> Answer? {
        try await json("backend", "pin", "list", backend).mappings.items.first { $0.cid == .text(root) }
    }

    /// Another user, whose home is a copy of this one; what the copy is to leave out is named by paths below the home.
    package func copied(_ name: String, without left: String...) throws -> User {
        var copy = try User(name)
        copy.environment = environment
        try FileManager.default.copyItem(atPath: home, toPath: copy.home)
        for path in left { try FileManager.default.removeItem(atPath: "\(copy.home)/\(path)") }
        return copy
    }

    /// The files of the catalog, which SQLite keeps beside each other.
    package func catalogFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: home).filter { $0.hasPrefix("catalog.sqlite") }
            .map { "\(home)/\($0)" }
    }

    /// The files of the index of the store; fails the test where there is none.
    package func segments() throws -> [String] { try files("index", ".idx") }

    /// The packs of the store; fails the test where there is none.
    package func packs() throws -> [String] { try files("packs", ".car") }

    private func files(_ folder: String, _ end: String) throws -> [String] {
        let names = try Trees.files(in: "\(home)/store/\(folder)").filter { $0.hasSuffix(end) }
        try #require(!names.isEmpty)
        return names.map { "\(home)/store/\(folder)/\($0)" }
    }

    /// The bytes of a file in the store; fails the test unless they can be read.
    package func content(_ root: String) async throws -> [UInt8] { [UInt8](try await run("cat", root).output) }
}

/// Turns one bit of a file over: in the middle, or so many bytes after its beginning.
package func flip(_ path: String, at offset: Int? = nil) throws {
    var content = try bytes(at: path)
    let index = offset ?? content.count / 2
    try #require(content.indices.contains(index))
    content[index] ^= 1
    try write(content, to: path)
}

extension ProcessResult {
    /// The only word that it wrote, such as the CID of what was added.
    package var cid: String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
}
