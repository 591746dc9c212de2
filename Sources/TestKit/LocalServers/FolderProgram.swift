internal import Foundation

/// The programs of the page about external backends, as they stand there, each over a folder.
package enum FolderProgram: String, Sendable, CaseIterable {
    case python
    case shell = "sh"

    /// The code that stands in the page.
    package var code: String {
        get throws {
            let page = try String(contentsOf: packageRoot.appending(path: "docs/external-backends.md"), encoding: .utf8)
            guard let start = page.range(of: "```\(rawValue)\n"),
                let end = page.range(of: "\n```", range: start.upperBound..<page.endIndex)
            else { throw CocoaError(.fileReadCorruptFile) }
            return page[start.upperBound..<end.lowerBound] + "\n"
        }
    }

    /// Writes the program to a file that can be started; gives its path.
    package func write(to folder: String, as name: String = "folder") throws -> String {
        let path = "\(folder)/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(code.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    /// Ends the test where a program is missing that is another's: git-annex, or one of its special remotes.
    ///
    /// The word of `IPFS_KIT_MUST_RUN` is `annex`.
    package static func check(_ programs: String...) throws {
        for program in programs { try Requirement.check("annex", program: program) }
    }
}
