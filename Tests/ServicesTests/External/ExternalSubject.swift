import Foundation
import Schema
import Storage
import StorageLaws
import TestKit

extension Subject {
    static let external = [externalInPython, externalInShell, externalOverRclone]

    /// What the programs of the page cannot be brought to: nothing stands between us and them.
    private static let impossibleForPrograms = impossible(wireTroubles).union([
        "The service lacks what it takes: digest.", "The service has no versions.",
        "There can be nothing but objects here.", "Nobody can leave links that lead back here.",
        "Nobody can leave what a stopped upload left here.",
    ])

    /// The program of the page with all that the kit can use.
    private static let externalInPython = over(.python, name: "externalInPython", exceptions: impossibleForPrograms)

    /// The least that works.
    private static let externalInShell = over(
        .shell,
        name: "externalInShell",
        exceptions: impossibleForPrograms.union([
            "The service lacks what it takes: list.", "The service lacks what it takes: usage.",
            "The service lacks what it takes: list, digest.", "Nobody can leave objects with foreign names here.",
        ])
    )

    /// rclone over a folder of this machine.
    ///
    /// It makes the folder anew where that is gone; the engine looks first whether
    /// the place is the one that it knows.
    private static let externalOverRclone = Subject(
        name: "externalOverRclone",
        type: "rclone",
        boundary: 256 << 10,
        exceptions: impossibleForPrograms,
        weaknesses: ["a place that is gone says nothing of what is in it": ["Storing "]],
        open: {
            try FolderProgram.check("rclone")
            return try await openRclone(try newPlace())
        },
        openTroubled: {
            try FolderProgram.check("rclone")
            let folder = try newPlace()
            return (try await openRclone(folder, retries: 1), ExternalTroubles(root: folder))
        }
    )

    private static func over(_ program: FolderProgram, name: String, exceptions: Set<String>) -> Subject {
        Subject(
            name: name,
            type: "external",
            boundary: 256 << 10,
            exceptions: exceptions,
            open: { try await openExternal(program, try newPlace()) },
            openTroubled: {
                let folder = try newPlace()
                return (try await openExternal(program, folder, retries: 1), ExternalTroubles(root: folder))
            }
        )
    }

    private static func newPlace() throws -> String {
        let folder = Scratch.current + "/place-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Opens a backend over a program of the page; it has to be closed.
    static func openExternal(
        _ program: FolderProgram,
        _ folder: String,
        _ values: [String: FieldValue] = [:],
        retries: Int = 3,
        timeout: Int = 30,
        state: String? = nil
    ) async throws -> any ContentService {
        let path = try program.write(to: Scratch.current + "/programs-\(UUID().uuidString)")
        let usual: [String: FieldValue] = [
            "program": .list([path]), "program_options": .list(["directory=\(folder)"]),
        ]
        return try await open(
            "external",
            usual.merging(values) { $1 },
            retries: retries,
            timeout: timeout,
            state: state ?? Scratch.current + "/state-\(UUID().uuidString)"
        )
    }

    /// Opens a backend over rclone, in a folder of this machine; it has to be closed.
    static func openRclone(_ folder: String, retries: Int = 3) async throws -> any ContentService {
        let rclone = Programs.find("rclone")?.path ?? "rclone"
        return try await open(
            "rclone",
            ["program": .list([rclone]), "remote": .text(":local:\(folder)")],
            retries: retries,
            state: Scratch.current + "/state-\(UUID().uuidString)"
        )
    }
}

/// Leaves things in the folder of a program.
struct ExternalTroubles: Troublemaker {
    let root: String

    func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool {
        guard trouble == .losesPlace else { return false }
        try FileManager.default.moveItem(atPath: root, toPath: root + ".away")
        return true
    }

    func end(_ prefix: String) async {
        let files = FileManager.default
        guard files.fileExists(atPath: root + ".away") else { return }
        try? files.removeItem(atPath: root)
        try? files.moveItem(atPath: root + ".away", toPath: root)
    }

    func plant(_ stray: Stray, at name: String) async throws -> Bool {
        guard stray == .foreignNames else { return false }
        let key = "XIPFSKIT--" + name.replacing("/", with: "~")
        for foreign in foreignNames where !foreign.contains("/") {
            try Data([1]).write(to: URL(filePath: "\(root)/\(key)~\(foreign)"))
        }
        return true
    }

    func remains(_ stray: Stray, at name: String) async throws -> Bool { false }
}
