internal import Foundation
package import Testing

/// Somebody at a command line, with a kit home of their own.
package struct User: Sendable {
    /// What `HOME` is; the kit home is in it.
    package let folder: String
    package var environment: [String: String] = [:]

    package var home: String { folder + "/ipfs-kit" }

    /// The user of a folder that is there.
    package init(at folder: String) { self.folder = folder }

    /// A user in a folder below that of the test, without a kit home.
    package init(_ name: String = "user") throws {
        folder = Scratch.current + "/" + name
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// A user who has run `init`.
    package static func ready(_ name: String = "user") async throws -> User {
        let user = try User(name)
        try await user.run("init")
        return user
    }

    /// Runs a command, and fails the test unless it ends with `code`.
    @discardableResult
    package func run(
        _ arguments: String...,
        code: Int = 0,
        input: [UInt8] = [],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> ProcessResult {
        let result = try await attempt(arguments, input: input)
        #expect(result.code == code, "\(arguments): \(result.text)\(result.errorText)", sourceLocation: location)
        return result
    }

    /// Runs a command with --json, fails the test unless it ends with `code`, and reads its only answer.
    @discardableResult
    package func json(
        _ arguments: String...,
        code: Int = 0,
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Answer {
        let result = try await attempt(arguments + ["--json"])
        #expect(result.code == code, "\(arguments): \(result.text)\(result.errorText)", sourceLocation: location)
        return try Answer.parse(result.text)
    }

    /// Runs a command, however it may end.
    package func attempt(
        _ arguments: [String],
        input: [UInt8] = [],
        timeout: Duration = .seconds(120)
    ) async throws -> ProcessResult {
        try await ProcessRunner.runKit(
            arguments,
            home: folder,
            input: Data(input),
            environment: environment,
            timeout: timeout
        )
    }

    /// Runs a script of the shell, fails the test unless it ends with 0, and gives what it printed.
    @discardableResult
    package func shell(_ script: String, at location: SourceLocation = #_sourceLocation) async throws -> String {
        let result = try await ProcessRunner.run(URL(filePath: "/bin/sh"), ["-c", script])
        #expect(result.code == 0, "\(result.text)\(result.errorText)", sourceLocation: location)
        return result.text
    }

    /// Adds a file with these bytes and returns its CID.
    @discardableResult
    package func add(_ bytes: [UInt8], name: String = "file") async throws -> String {
        let path = "\(folder)/\(name)"
        try Data(bytes).write(to: URL(filePath: path))
        let result = try await run("add", path, "--quiet")
        return result.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Makes a backend over a new empty directory, and returns the directory.
    @discardableResult
    package func createDisk(_ name: String, _ more: String...) async throws -> String {
        let path = folder + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let result = try await attempt(["backend", "create", name, "filesystem", "--path", path] + more)
        #expect(result.code == 0, "\(result.errorText)")
        return path
    }

    /// Makes an S3 backend in a bucket; the secret stays in the environment.
    package mutating func createS3(
        _ name: String,
        _ bucket: Bucket,
        endpoint: String? = nil,
        _ more: String...
    ) async throws {
        environment["E2E_SECRET"] = bucket.server.secretAccessKey
        let result = try await attempt(
            [
                "backend", "create", name, "s3", "--endpoint", endpoint ?? bucket.server.endpoint, "--region",
                bucket.server.region, "--bucket", bucket.name, "--prefix", bucket.prefix, "--access-key-id",
                bucket.server.accessKeyID, "--secret-access-key", "${E2E_SECRET}",
            ] + more
        )
        #expect(result.code == 0, "\(result.errorText)")
    }

    /// The CIDs of all pins, in order.
    package func pins() async throws -> [String] {
        try await json("pin", "ls").pins.items.compactMap(\.cid.text).sorted()
    }

    /// The names of the backends that are out of step.
    package func dirty() async throws -> [String] {
        try await json("backend", "dirty").dirty.items.compactMap(\.name.text)
    }
}
