import Foundation
import Multiformats
@testable import Operations
import Schema
import Storage
import TestKit
import Testing

/// A kit home with operations run in this process, and folders that play its backends.
struct KitSample: Sendable {
    let folder: String
    let kit: Kit

    /// A home in a folder of its own below that of the test.
    init(_ name: String = "home") async throws {
        folder = Scratch.current + "/" + name
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        kit = Self.open(folder)
        try await kit.initialise()
    }

    /// Another opening of the home, as another command makes it.
    static func open(_ folder: String) -> Kit {
        Kit(home: KitHome(folder + "/kit", environment: { _ in nil }), environment: { _ in nil })
    }

    var again: Kit { Self.open(folder) }

    /// Runs an operation.
    @discardableResult
    func run<Action: Operations.Operation>(
        _ type: Action.Type,
        _ values: [String: FieldValue] = [:]
    ) async throws -> Action.Output {
        let kit = again
        do {
            let output = try await Call(kit: kit, from: .commandLine).perform(type, values)
            await kit.close()
            return output
        } catch {
            await kit.close()
            throw error
        }
    }

    /// Adds and pins a file of this content; gives its root as text.
    @discardableResult
    func add(_ text: String, replicas: Int64? = nil) async throws -> String {
        let path = folder + "/" + text
        try write(Array("content of \(text)".utf8), to: path)
        var values: [String: FieldValue] = ["paths": .list([path])]
        if let replicas { values["replicas"] = .integer(replicas) }
        let output = try await run(Add.self, values)
        return try #require(output.roots.first).cid.description
    }

    /// Makes a backend over a folder; gives the folder.
    @discardableResult
    func disk(_ name: String, at folder: String? = nil) async throws -> String {
        let path = folder ?? self.folder + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await run(
            BackendCreate.self,
            ["name": .text(name), "type": .text("filesystem"), "settings": .list(["path=\(path)"])]
        )
        return path
    }
}
