import Foundation
import Glibc
import StorageLaws
import TestKit

/// Leaves things in a directory.
struct DirectoryTroubles: Troublemaker {
    let root: String
    /// Whether whoever serves the directory sees at once what others leave in it.
    var isSeenAtOnce = true
    /// Whether that tells pipes from files.
    var hasPipes = true

    /// Nothing stands between us and a directory, but it can be gone.
    func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool {
        guard trouble == .losesPlace, isSeenAtOnce else { return false }
        try FileManager.default.moveItem(atPath: root, toPath: root + ".away")
        return true
    }

    func end(_ prefix: String) async { try? FileManager.default.moveItem(atPath: root + ".away", toPath: root) }

    func plant(_ stray: Stray, at name: String) async throws -> Bool {
        guard isSeenAtOnce else { return false }
        let files = FileManager.default
        let path = root + "/" + name
        let parent = (path as NSString).deletingLastPathComponent
        try files.createDirectory(atPath: parent, withIntermediateDirectories: true)
        switch stray {
        case .pipe: return unsafe hasPipes && mkfifo(path, 0o600) == 0
        case .stoppedUpload:
            try Data([1]).write(to: URL(filePath: Self.leftover(of: path)))
            return true
        case .foreignNames:
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            for foreign in foreignNames {
                let place = path + "/" + foreign
                let folder = (place as NSString).deletingLastPathComponent
                try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Data([1]).write(to: URL(filePath: place))
            }
            return unsafe mkfifo(path + "/pipe", 0o600) == 0
        case .waysBack:
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            let links = [("up", ".."), ("here", "."), ("root", root), ("self", "self"), ("nowhere", "nothing")]
            for (link, target) in links {
                try files.createSymbolicLink(atPath: path + "/" + link, withDestinationPath: target)
                try files.createSymbolicLink(atPath: parent + "/a-" + link, withDestinationPath: target)
            }
            return true
        }
    }

    func remains(_ stray: Stray, at name: String) async throws -> Bool {
        FileManager.default.fileExists(atPath: Self.leftover(of: root + "/" + name))
    }

    /// The file in which a killed upload of `path` was writing.
    private static func leftover(of path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return (parts.dropLast() + [".\(parts.last ?? "").4711.18446744073709551615.part"]).joined(separator: "/")
    }
}

extension FaultyProxy.Rule {
    /// What somebody else answers.
    static func answer(of impostor: Trouble.Impostor) -> FaultyProxy.Rule {
        let page = "<!DOCTYPE html><html><body><p>Please log in<br></body></html>"
        return switch impostor {
        case .loginPage: .status(200, ["Content-Type": "text/html"], body: page)
        case .notFoundPage: .status(404, ["Content-Type": "text/html"], body: page)
        case .bareNotFound: .status(404)
        case .barePraise: .status(200)
        case .redirect: .status(302, ["Location": "http://login.test/"])
        case .json: .status(200, ["Content-Type": "application/json"], body: "{\"ok\":true}")
        case .badGateway: .status(502, ["Content-Type": "text/html"], body: page)
        }
    }
}

/// Names that others may give to what they leave, and that are none of ours.
let foreignNames = [
    "with space", "a+b", "ünï", "tab\tname", "\u{1B}[2J", "new\nline", ".hidden", ".folder/file", "per%cent", "a&b<c>",
    "quote\"'", "back\\slash",
]
