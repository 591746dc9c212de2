import Foundation
@testable import Services
import Schema
import Storage
import TestKit
import Testing

/// Tokens that a service renews.
@Suite(.scratch, .inTurn) struct TokenKeeperTests {
    private let time = Locked<Int64>(1_000_000)
    private let asked = Locked<[String?]>([])

    /// Another keeper is as another process: they share nothing but the folder.
    private func keeper() -> TokenKeeper {
        TokenKeeper(folder: Scratch.current + "/metadata/b", name: "session", now: { [time] in time.read { $0 } })
    }

    /// A service that takes each renewal once.
    private func renew(_ kept: RenewedToken?) async throws(StorageError) -> RenewedToken {
        let number = asked.change { asked in
            asked.append(kept?.renewal)
            return asked.count
        }
        guard kept.map({ $0.renewal == "renewal-\(number - 1)" }) ?? (number == 1) else {
            throw StorageError(.badCredentials, "The renewal was used before.")
        }
        return RenewedToken(
            access: "access-token-\(number)",
            renewal: "renewal-\(number)",
            validUntil: time.read { $0 } + 3_600_000
        )
    }

    @Test func `of many that want one, one asks for it`() async throws {
        for round in 1...3 {
            let found = try await withThrowingTaskGroup(of: RenewedToken.self) { group in
                for _ in 0..<12 { group.addTask { try await keeper().token(renew: renew) } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1.access) }
            }
            #expect(found == ["access-token-\(round)"])
            #expect(asked.read { $0.count } == round)
            // It is renewed before it ends.
            time.change { $0 += 3_600_000 - 59_000 }
        }
    }

    @Test func `what the service refuses is renewed once`() async throws {
        let first = try await keeper().token(renew: renew)
        let second = try await keeper().token(besides: first.access, renew: renew)
        #expect(second.access == "access-token-2")
        // Who comes later with the old one gets what is there.
        #expect(try await keeper().token(besides: first.access, renew: renew) == second)
        #expect(asked.read { $0 } == [nil, "renewal-1"])
    }

    @Test func `a renewal that fails loses nothing`() async throws {
        _ = try await keeper().token(renew: renew)
        time.change { $0 += 3_600_000 }
        let error = await #expect(throws: StorageError.self) {
            try await keeper().token { _ throws(StorageError) in throw StorageError(.unavailable, "It is down.") }
        }
        #expect(error?.code == .unavailable)
        #expect(try await keeper().token(renew: renew).access == "access-token-2")
    }

    @Test func `only the owner reads it, and nobody says it`() async throws {
        let token = try await keeper().token(renew: renew)
        let file = Scratch.current + "/metadata/b/session.json"
        for path in [file, Scratch.current + "/metadata/b"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect((attributes[.posixPermissions] as? Int ?? 0) & 0o077 == 0)
        }
        #expect(!"\(token)".contains("access-token"))
        #expect(!Redactor.shared.clean("It was \(token.access) then.").contains("access-token-1"))
        #expect(!Redactor.shared.clean("\(token.renewal ?? "")").contains("renewal-1"))
    }

    @Test(arguments: ["", "{}", "[1]", #"{"access": 1, "valid_until": 2}"#, #"{"access": "a", "valid_until": 1e400}"#])
    func `what is no token is renewed`(_ text: String) async throws {
        let folder = Scratch.current + "/metadata/b"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: folder + "/session.json"))
        #expect(try await keeper().token(renew: renew).access == "access-token-1")
    }
}
