package import Foundation

/// Programs that tests run.
package enum Programs {
    /// The program's place in `.tools/venv/bin` of the package, or else on the path; nil where it is in neither.
    package static func find(_ name: String) -> URL? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders =
            [packageRoot.appending(path: ".tools/venv/bin").path] + path.split(separator: ":").map(String.init)
        return folders.map { URL(filePath: $0).appending(path: name) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    /// A Python whose packages include those of the servers: `IPFS_KIT_TEST_PYTHON`, or the one beside the moto server.
    package static var python: URL? {
        let given = ProcessInfo.processInfo.environment["IPFS_KIT_TEST_PYTHON"]
        if let given, FileManager.default.isExecutableFile(atPath: given) { return URL(filePath: given) }
        let beside = find("moto_server")?.deletingLastPathComponent().appending(path: "python3")
        if let beside, FileManager.default.isExecutableFile(atPath: beside.path) { return beside }
        return find("python3")
    }

    /// The binary under test: `IPFS_KIT_BINARY`, or the one built beside the tests.
    package static var kit: URL? {
        if let path = ProcessInfo.processInfo.environment["IPFS_KIT_BINARY"] { return URL(filePath: path) }
        return built("ipfs-kit")
    }

    /// A program of this package that was built beside the tests.
    package static func built(_ name: String) -> URL? {
        var folder = URL(filePath: CommandLine.arguments.first ?? "").deletingLastPathComponent()
        for _ in 0..<4 {
            let candidate = folder.appending(path: name)
            let attributes = try? candidate.resourceValues(forKeys: [.isRegularFileKey])
            if attributes?.isRegularFile == true { return candidate }
            folder.deleteLastPathComponent()
        }
        let usual = packageRoot.appending(path: ".build/debug/\(name)")
        return FileManager.default.isExecutableFile(atPath: usual.path) ? usual : nil
    }
}
