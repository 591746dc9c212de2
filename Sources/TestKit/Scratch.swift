package import Testing
internal import Foundation

/// The folder that a test with the trait `.scratch` has for itself.
package enum Scratch {
    @TaskLocal private static var path: String?

    /// The path of the folder of the running test; a folder that nobody removes where the trait is missing.
    package static var current: String { path ?? NSTemporaryDirectory() + "ipfs-kit-test-without-scratch" }

    /// A folder in memory for files that are made in thousands and need no disk: `/dev/shm` with a GiB of room, or else
    /// the usual one for temporary files.
    private static var memory: URL {
        let path = "/dev/shm"
        let free = try? FileManager.default.attributesOfFileSystem(forPath: path)[.systemFreeSize] as? Int
        let isUsable = (free ?? 0) > 1 << 30 && FileManager.default.isWritableFile(atPath: path)
        return isUsable ? URL(filePath: path) : FileManager.default.temporaryDirectory
    }

    /// Runs `work` with a new folder, and removes the folder afterwards.
    static func with(inMemory: Bool, _ work: () async throws -> Void) async throws {
        let base = inMemory ? memory : FileManager.default.temporaryDirectory
        let folder = base.appending(path: "ipfs-kit-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await $path.withValue(folder.resolvingSymlinksInPath().path, operation: work)
    }
}

/// Gives each test, or each of its arguments, a folder of its own.
package struct ScratchTrait: TestTrait, SuiteTrait, TestScoping {
    let inMemory: Bool
    package var isRecursive: Bool { true }

    @concurrent
    package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await Scratch.with(inMemory: inMemory) { try await function() }
    }
}

extension Trait where Self == ScratchTrait {
    /// Gives each test, or each of its arguments, a folder of its own at `Scratch.current`.
    package static var scratch: ScratchTrait { ScratchTrait(inMemory: false) }
    /// The same where the machine has room for files in memory: flushing them costs nothing.
    package static var memoryScratch: ScratchTrait { ScratchTrait(inMemory: true) }
}
