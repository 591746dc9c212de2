import Foundation
import Glibc
import StorageLaws
import TestKit

/// Makes things go wrong between us and an S3 server, by rules of a proxy.
struct ProxyTroubles: Troublemaker {
    let proxy: FaultyProxy
    let server: S3Server
    let bucket: String
    /// What stands before all names in the bucket.
    let folder: String

    private typealias Rule = FaultyProxy.Rule

    func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool {
        let trial = Self.trial(prefix)
        try await proxy.set(Self.rules(trouble, trial), for: trial)
        return true
    }

    func end(_ prefix: String) async { try? await proxy.clear(Self.trial(prefix)) }

    func plant(_ stray: Stray, at name: String) async throws -> Bool {
        switch stray {
        case .foreignNames:
            return try await server.store(foreignNames.map { "\(folder)/\(name)/\($0)" }, in: bucket) > 0
        case .stoppedUpload:
            try await server.begin("\(folder)/\(name)", in: bucket)
            return try await remains(stray, at: name)
        case .pipe, .waysBack: return false
        }
    }

    func remains(_ stray: Stray, at name: String) async throws -> Bool {
        try await server.pending("\(folder)/\(name)", in: bucket) > 0
    }

    /// The part of a prefix that no other trial has, and that is the same in a path and in a query.
    private static func trial(_ prefix: String) -> String {
        prefix.split(separator: "/").last.map(String.init) ?? prefix
    }

    private static func rules(_ trouble: Trouble, _ trial: String) -> [Rule] {
        switch trouble {
        case .breaksOff(let count): at(.get, trial, .cut(count))
        case .endsUnannounced(let count): at(.get, trial, .unannounced(count))
        case .ignoresRanges: at(.get, trial, .whole)
        case .shiftsRanges: at(.get, trial, .shift)
        case .tellsNoLength: [Rule.strip("Content-Length").on("HEAD", path: trial)]
        case .answers(let impostor, let call): at(call, trial, answer(impostor))
        case .losesAnswer(let call): at(call, trial, .drop)
        case .praisesEarly: at(.put, trial, .praise)
        case .echoesDigests: at(.put, trial, .echo)
        case .altersUploads: at(.put, trial, .alter)
        case .cutsLists: at(.list, trial, .halve)
        case .listsWithoutEnd(let areEmpty): at(.list, trial, areEmpty ? .hollow : .again)
        case .encodesReads: at(.get, trial, .gzip)
        case .losesPlace:
            [.status(404, body: "<Error><Code>NoSuchBucket</Code></Error>").on("*", path: trial)]
        }
    }

    /// The rule for the requests that a call consists of.
    private static func at(_ call: Trouble.Call, _ trial: String, _ rule: Rule) -> [Rule] {
        let objects = rule.on("GET", path: trial).and(without: "list-type")
        return switch call {
        case .put: [rule.on("PUT", path: trial)]
        case .delete: [rule.on("DELETE", path: trial)]
        case .get: [objects]
        case .stat: [rule.on("HEAD", path: trial), objects]
        case .list: [rule.on("GET", path: trial).and("list-type")]
        }
    }

    /// What somebody else answers.
    static func answer(_ impostor: Trouble.Impostor) -> FaultyProxy.Rule {
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

/// Leaves things in a directory.
struct DirectoryTroubles: Troublemaker {
    let root: String
    /// Whether whoever serves the directory sees at once what others leave in it.
    var isSeenAtOnce = true

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
        case .pipe: return unsafe mkfifo(path, 0o600) == 0
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

/// Names that others may give to what they leave, and that are none of ours.
private let foreignNames = [
    "with space", "a+b", "ünï", "tab\tname", "\u{1B}[2J", "new\nline", ".hidden", ".folder/file", "per%cent", "a&b<c>",
    "quote\"'", "back\\slash",
]
