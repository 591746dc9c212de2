import Foundation
import StorageLaws
import TestKit

/// Makes things go wrong between us and a WebDAV server, by rules of a proxy.
struct WebDAVTroubles: Troublemaker {
    let proxy: FaultyProxy
    let server: WebDAVServer
    /// The folder of the server in which the objects are.
    let folder: String

    private typealias Rule = FaultyProxy.Rule

    func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool {
        if trouble == .losesPlace {
            return try await server.send("MOVE", folder + "/", ["Destination: \(server.url(folder)).away/"])
                == 201
        }
        let trial = Self.trial(prefix)
        guard let rules = Self.rules(trouble, trial) else { return false }
        try await proxy.set(rules, for: trial)
        return true
    }

    func end(_ prefix: String) async {
        try? await proxy.clear(Self.trial(prefix))
        let back = ["Destination: \(server.url(folder))/", "Overwrite: F"]
        _ = try? await server.send("MOVE", folder + ".away/", back)
    }

    func plant(_ stray: Stray, at name: String) async throws -> Bool {
        switch stray {
        case .foreignNames:
            for folder in [name, "\(name)/.folder"] { _ = try await make(folder) }
            var count = 0
            for foreign in foreignNames where try await write("\(name)/\(foreign)") { count += 1 }
            return count > 8
        case .stoppedUpload: return try await write(Self.leftover(of: name))
        case .pipe, .waysBack: return false
        }
    }

    func remains(_ stray: Stray, at name: String) async throws -> Bool {
        let status = try await server.send("PROPFIND", "\(folder)/\(Self.leftover(of: name))", ["Depth: 0"])
        return status == 207
    }

    private func make(_ name: String) async throws -> Int {
        try await server.send("MKCOL", "\(folder)/\(Self.escaped(name))/")
    }

    private func write(_ name: String) async throws -> Bool {
        try await server.send("PUT", "\(folder)/\(Self.escaped(name))", body: "1") == 201
    }

    /// The file in which a killed upload of `name` was writing.
    private static func leftover(of name: String) -> String {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return (parts.dropLast() + [".\(parts.last ?? "").4711.18446744073709551615.upload"]).joined(separator: "/")
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "-._~/"))) ?? text
    }

    /// The part of a prefix that no other trial has.
    private static func trial(_ prefix: String) -> String {
        prefix.split(separator: "/").last.map(String.init) ?? prefix
    }

    /// The rules; nil for what this server and this proxy have no way to do wrong.
    private static func rules(_ trouble: Trouble, _ trial: String) -> [Rule]? {
        switch trouble {
        case .breaksOff(let count): at(.get, trial, .cut(count))
        case .endsUnannounced(let count): at(.get, trial, .unannounced(count))
        case .answers(let impostor, let call): at(call, trial, .answer(of: impostor))
        // What gives an object its name is the last request of an upload.
        case .losesAnswer(.put): [Rule.drop.on("MOVE", path: trial)]
        case .losesAnswer(let call): at(call, trial, .drop)
        case .praisesEarly: at(.put, trial, .praise)
        case .echoesDigests: at(.put, trial, .echo)
        case .altersUploads: at(.put, trial, .alter)
        case .cutsLists: at(.list, trial, .halve)
        case .encodesReads: at(.get, trial, .gzip)
        case .ignoresRanges: at(.get, trial, .whole)
        case .shiftsRanges: at(.get, trial, .shift)
        case .tellsNoLength: at(.stat, trial, .unmeasured)
        case .listsWithoutEnd, .losesPlace: nil
        }
    }

    /// The rule for the requests that a call consists of.
    private static func at(_ call: Trouble.Call, _ trial: String, _ rule: Rule) -> [Rule] {
        switch call {
        case .put: [rule.on("PUT", path: trial), rule.on("MOVE", path: trial)]
        case .delete: [rule.on("DELETE", path: trial)]
        case .get: [rule.on("GET", path: trial)]
        case .stat: [rule.on("PROPFIND", path: trial).and("/object")]
        case .list: [rule.on("PROPFIND", path: trial).and(without: "/object")]
        }
    }
}
