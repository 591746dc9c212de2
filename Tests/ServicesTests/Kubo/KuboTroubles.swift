import Foundation
import StorageLaws
import TestKit

/// Makes things go wrong between us and a node, by rules of a proxy that is this trial's own.
struct KuboTroubles: Troublemaker {
    let proxy: FaultyProxy
    let server: KuboServer
    /// The folder of the node's files in which the objects are.
    let folder: String

    private typealias Rule = FaultyProxy.Rule

    func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool {
        guard let rules = Self.rules(trouble) else { return false }
        try await proxy.set(rules, for: "trial")
        return true
    }

    func end(_ prefix: String) async { try? await proxy.clear("trial") }

    func plant(_ stray: Stray, at name: String) async throws -> Bool {
        switch stray {
        case .foreignNames:
            for foreign in Self.foreignNames { try await write(foreign) }
            for foreign in Self.foreignNames { try await write(Self.escaped("\(name)/\(foreign)")) }
            return true
        case .stoppedUpload:
            try await write(Self.leftover(of: name))
            return true
        case .pipe, .waysBack: return false
        }
    }

    func remains(_ stray: Stray, at name: String) async throws -> Bool {
        let rows = try await server.command("files/ls?arg=\(Self.escaped(folder))")
        return String(decoding: rows, as: UTF8.self).contains("\"\(Self.leftover(of: name))\"")
    }

    private func write(_ file: String) async throws {
        let path = Self.escaped("\(folder)/\(file)")
        try await server.command("files/write?arg=\(path)&create=true&parents=true", file: [1])
    }

    /// The file to which a killed upload of `name` was added.
    private static func leftover(of name: String) -> String { ".\(escaped(name)).0123456789abcdef.part" }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "-._~")))
            ?? text
    }

    private static let foreignNames = [
        "with space", "a+b", "ünï", "tab\tname", ".hidden", ".a.0123456789abcdef.part", "per%cent", "a&b<c>", "%2Fa",
        "a%2fb", "quote\"'", "back\\slash", "folder/file", "%E2%82",
    ]

    /// The rules; nil for what a node has no way to do wrong.
    private static func rules(_ trouble: Trouble) -> [Rule]? {
        switch trouble {
        case .breaksOff(let count): at("cat?", .cut(count))
        case .endsUnannounced(let count): at("cat?", .unannounced(count))
        case .answers(let impostor, .put): at("add?", .answer(of: impostor)) + at("files/mv?", .answer(of: impostor))
        case .answers(let impostor, .get): at("cat?", .answer(of: impostor)) + at("files/stat?", .answer(of: impostor))
        case .answers(let impostor, .stat): at("files/stat?", .answer(of: impostor))
        case .answers(let impostor, .list): at("files/ls?", .answer(of: impostor))
        case .answers(let impostor, .delete): at("files/rm?", .answer(of: impostor))
        case .losesAnswer(.put): at("files/mv?", .drop)
        case .losesAnswer(.delete): at("files/rm?", .drop)
        case .losesAnswer: nil
        case .praisesEarly: at("add?", .praise)
        case .echoesDigests: at("add?", .echo)
        case .altersUploads: at("add?", .alter)
        case .cutsLists: at("files/ls?", .halve)
        case .encodesReads: at("cat?", .gzip)
        // What goes with a node is not the place, but the node.
        case .losesPlace: nil
        case .ignoresRanges, .shiftsRanges, .tellsNoLength, .listsWithoutEnd: nil
        }
    }

    private static func at(_ command: String, _ rule: Rule) -> [Rule] { [rule.on("POST", path: "/api/v0/\(command)")] }
}
