import Foundation
import Schema
import Storage
import TestKit
import Testing

/// A suite of tests over a server that does what a script says, with files below the folder of each test.
protocol FTPTrial {}

extension FTPTrial {
    func open(
        _ modes: [String],
        retries: Int = 0,
        timeout: Int = 30,
        isSecure: Bool = false,
        settings: [String: FieldValue] = [:],
        gate: any ChangeGate = OpenGate(),
        timing: Timing? = nil,
        state: String? = nil
    ) async throws -> any StorageService {
        let server = try await FTPServer.scripted(modes, memory: Scratch.current, isSecure: isSecure)
        return try await open(
            server,
            retries: retries,
            timeout: timeout,
            settings: settings,
            gate: gate,
            timing: timing,
            state: state
        )
    }

    func open(
        _ server: FTPServer,
        retries: Int = 0,
        timeout: Int = 30,
        settings: [String: FieldValue] = [:],
        gate: any ChangeGate = OpenGate(),
        timing: Timing? = nil,
        state: String? = nil
    ) async throws -> any StorageService {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let values = server.settings(for: root).merging(settings) { $1 }
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        let content = try await Subject.open(
            "ftp",
            values,
            retries: retries,
            timeout: timeout,
            timing: timing ?? Timing(now: { now }),
            gate: gate,
            state: state
        )
        return try #require(content.objects)
    }

    var root: String { Scratch.current + "/root" }
    func path(_ name: String) -> String { root + "/" + name }
    func content(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path(name)))) }
    func names(_ folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(folder)).sorted()
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let place = URL(filePath: path(name))
        let folder = place.deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: place)
    }

    func commands(_ verb: String = "") -> [String] {
        let text = (try? String(contentsOfFile: Scratch.current + "/commands", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init).filter { $0.hasPrefix(verb) }
    }

    func error(_ work: () async throws(StorageError) -> Void) async -> StorageError? {
        do throws(StorageError) {
            try await work()
            return nil
        } catch {
            return error
        }
    }

    /// The object that most tests are about.
    var name: ObjectName? { ObjectName("a/b.car") }
}
