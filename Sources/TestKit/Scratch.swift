package import Testing
internal import Foundation

/// The folder that a test with the trait `.scratch` has for itself.
package enum Scratch {
    @TaskLocal private static var path: String?

    /// The path of the folder of the running test; a folder that nobody removes where the trait is missing.
    package static var current: String { path ?? NSTemporaryDirectory() + "ipfs-kit-test-without-scratch" }

    /// Runs `work` with a new folder, and removes the folder afterwards.
    static func with(_ work: () async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ipfs-kit-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await $path.withValue(folder.resolvingSymlinksInPath().path, operation: work)
    }
}

/// Gives each test, or each of its arguments, a folder of its own.
package struct ScratchTrait: TestTrait, SuiteTrait, TestScoping {
    package var isRecursive: Bool { true }

    @concurrent
    package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await Scratch.with { try await function() }
    }
}

extension Trait where Self == ScratchTrait {
    /// Gives each test, or each of its arguments, a folder of its own at `Scratch.current`.
    package static var scratch: ScratchTrait { ScratchTrait() }
}
