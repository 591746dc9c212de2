internal import Foundation

/// A file system of its own, in a file of the running test's folder.
package enum Disk {
    /// Lends an ext4 with inodes of 128 bytes, which keep times in whole seconds; cancels the test where none can be
    /// mounted.
    package static func withCoarseTimes(_ work: (String) async throws -> Void) async throws {
        let image = Scratch.current + "/disk.ext4"
        try await run("truncate", ["-s", "192M", image])
        // Without -F it asks whether a file is meant.
        try await run("mkfs.ext4", ["-q", "-F", "-I", "128", "-O", "^metadata_csum", image])
        try await mounted(["-o", "loop", image], work)
    }

    /// Lends a file system that `mount` makes of these arguments; the folder is unmounted in any case.
    package static func mounted(
        _ arguments: [String],
        at folder: String? = nil,
        _ work: (String) async throws -> Void
    ) async throws {
        let folder = folder ?? Scratch.current + "/mounted"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try await run("mount", arguments + [folder])
        do {
            try await work(folder)
        } catch {
            try? await run("umount", ["-l", folder])
            throw error
        }
        try await run("umount", ["-l", folder])
    }

    /// Runs a program of the system's administrator.
    private static func run(_ name: String, _ arguments: [String]) async throws {
        let path = ["/usr/sbin", "/sbin"].map { URL(filePath: "\($0)/\(name)") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        guard let program = Programs.find(name) ?? path else {
            return try Requirement.check("root", missing: "there is no \(name) on this machine")
        }
        let result = try await ProcessRunner.run(program, arguments)
        let said = result.errorText.trimmingCharacters(in: .whitespacesAndNewlines)
        try Requirement.check("root", missing: result.code == 0 ? nil : "\(name): \(said)")
    }
}
