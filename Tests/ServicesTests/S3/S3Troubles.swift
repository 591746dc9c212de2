import StorageLaws
import TestKit

/// Makes things go wrong between us and an S3 server, by rules of a proxy.
struct S3Troubles: Troublemaker {
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
        case .answers(let impostor, let call): at(call, trial, .answer(of: impostor))
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
}
