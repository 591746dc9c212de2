import Schema
import Storage
import Testing

@testable import Services

/// Which daemon the settings and variables lead to, what can never be right, and what a daemon is told.
@Suite struct Aria2SettingsTests {
    private func target(
        _ values: [String: FieldValue],
        _ variables: [String: String] = [:]
    ) throws -> (url: String?, secret: String) {
        let target = try Aria2Target(Aria2Settings(values: values), environment: { variables[$0] })
        guard case .running(let address, let secret) = target else { return (nil, "") }
        return (address.url(address.path), secret)
    }

    @Test func aDaemonIsStartedUnlessOneIsNamed() throws {
        #expect(try target([:]).url == nil)
        let url = "http://127.0.0.1:6800/jsonrpc"
        #expect(try target(["rpc_url": .text("127.0.0.1:6800"), "rpc_secret": .text("x")]) == (url, "x"))
        #expect(try target(["rpc_url": .text(url), "start_daemon": .flag(true)]).url == nil)
        #expect(throws: StorageError.self) { try target(["start_daemon": .flag(false)]) }
        let variables = ["ARIA2_RPC_URL": url, "ARIA2_RPC_SECRET": "of the variable"]
        #expect(try target([:], variables) == (url, "of the variable"))
        #expect(try target(["start_daemon": .flag(true)], variables).url == nil)
        // A variable's secret is for nobody but the variable's daemon.
        #expect(try target(["rpc_url": .text("localhost:6800")], variables).secret == "")
        #expect(try target(["rpc_url": .text(url), "rpc_secret": .text("x")], variables).secret == "x")
    }

    /// What is to be fetched, and by which keys, is for nobody on the way.
    @Test(
        arguments: [
            ["rpc_url": .text("http://far.example/jsonrpc")], ["rpc_url": .text("http://u:p@127.0.0.1/")],
            ["rpc_url": .text("ftp://127.0.0.1/")],
            ["rpc_url": .text("https://far.example"), "verify_tls": .flag(false)],
            ["listen_port": .integer(80)], ["connections_per_server": .integer(17)],
            ["min_split_size": .integer(1)], ["download_folder": .text("relative")], ["aria2_command": .list([""])],
            ["proxy": .text("http://p\nrpc-listen-all=true")], ["ca_file": .text("/a\nb")],
        ] as [[String: FieldValue]]
    )
    func whatCanNeverBeRightIsRefused(_ values: [String: FieldValue]) throws {
        let error = #expect(throws: StorageError.self) { try Aria2.check(try Aria2Settings(values: values)) }
        #expect(error?.code == .badSettings && error?.message.contains("u:p") == false)
    }

    @Test func aDaemonIsReachedOverTLSAnywhere() throws {
        #expect(try target(["rpc_url": .text("https://far.example")]).url == "https://far.example/jsonrpc")
    }

    /// The original system's spellings are read.
    @Test func olderSpellingsAreRead() throws {
        let names = Set(Aria2Settings.fieldInfo.flatMap { [$0.name] + $0.aliases })
        let old = ["rpc_url", "rpc_secret", "download_dir", "auto_start_daemon", "listen_port", "rpc_listen_all"]
        #expect(names.isSuperset(of: old))
    }

    @Test func aDaemonIsToldWhatItMayDo() throws {
        var settings = Aria2Settings()
        (settings.http.caFile, settings.http.verifyTLS, settings.http.minimumTLS) = ("/ca.pem", false, .v13)
        settings.http.proxy = "http://proxy.test:3128"
        var operational = OperationalSettings()
        operational.bandwidthLimit = ByteCount(1000)
        let configuration = Aria2Configuration(settings, operational, folder: "/f")
        #expect(configuration.words == ["aria2c", "--conf-path=/f/.aria2.conf"])
        let lines = Set(configuration.text(7000, secret: "S").split(separator: "\n").map(String.init))
        let wanted = [
            "rpc-listen-all=false", "rpc-listen-port=7000", "rpc-secret=S", "dir=/f", "enable-dht=false",
            "follow-torrent=false", "follow-metalink=false", "no-netrc=true", "max-overall-download-limit=1000",
            "check-certificate=false", "ca-certificate=/ca.pem", "all-proxy=http://proxy.test:3128",
            "min-tls-version=TLSv1.3",
        ]
        #expect(lines.isSuperset(of: wanted), "\(lines)")
        #expect(lines.contains { $0.hasPrefix("stop-with-process=") && !$0.hasSuffix("=") })
    }

    /// Each number by which aria2 ends has a meaning, and the status of a server a sharper one.
    @Test(arguments: [
        (1, "", StorageError.Code.unavailable, true), (2, "", .unavailable, true), (3, "", .unavailable, true),
        (9, "", .quotaExceeded, false), (13, "", .unexpected, false), (16, "", .permissionDenied, false),
        (18, "", .permissionDenied, false), (19, "", .unavailable, true), (22, "status=403", .permissionDenied, true),
        (22, "status=429", .rateLimited, true), (22, "status=", .unavailable, true), (24, "", .badCredentials, true),
        (29, "status=503", .unavailable, true), (32, "", .corrupt, true), (28, "", .unsupported, false),
        (777, "", .unexpected, true), (-1, "", .unexpected, true),
    ]) func numbersHaveMeanings(_ number: Int, _ words: String, _ code: StorageError.Code, _ isOfCopy: Bool) {
        let errors = Aria2Errors(HTTPFailures(host: "h", kind: "k"))
        let url = "https://h.test/x?X-Amz-Signature=\(String(repeating: "ab", count: 32))&X-Amz-Expires=60"
        let order = Aria2Order(what: "Fetching x", urls: [url], length: nil, sha256: nil)
        let (error, isTold) = errors.translate((number, "\(words) of \(url)"), order)
        #expect(error.code == code && isTold == isOfCopy, "\(error)")
        #expect(error.message.hasPrefix("Fetching x failed: ") && !error.message.contains("abab"), "\(error)")
    }

    @Test func everyNumberOfTheManualIsKnown() {
        let known = Set(Aria2Errors.rows.flatMap(\.words))
        #expect(known == Set((1...32).map { Substring("\($0)") }))
    }

    /// What stands still, is longer than it may be, or another thing by its length, is not waited for.
    @Test func aDownloadIsWatched() throws {
        func status(_ state: String, _ total: Int, _ completed: Int) throws -> Aria2Status {
            let value: JSON = [
                "status": .string(state), "totalLength": .string("\(total)"),
                "completedLength": .string("\(completed)"),
            ]
            return try #require(Aria2Status(value))
        }
        func watch(_ length: UInt64?) -> Aria2Watch {
            let order = Aria2Order(what: "Fetching x", urls: [], length: length, sha256: nil)
            return Aria2Watch(order: order, longest: 1000, silence: .seconds(10), since: .zero)
        }
        var known = watch(100)
        #expect(known.problem(with: try status("active", 0, 0), at: .zero) == nil)
        #expect(known.problem(with: try status("active", 100, 50), at: .seconds(9)) == nil)
        #expect(known.problem(with: try status("active", 100, 50), at: .seconds(19)) == nil)
        #expect(known.problem(with: try status("active", 100, 50), at: .seconds(20))?.retry == .later)
        #expect(known.problem(with: try status("paused", 100, 50), at: .seconds(20))?.message.contains("pause") == true)
        #expect(known.problem(with: try status("active", 101, 0), at: .seconds(9))?.code == .corrupt)
        #expect(known.problem(with: try status("active", 0, 101), at: .seconds(9))?.code == .corrupt)
        #expect(known.problem(with: try status("complete", 0, 99), at: .seconds(9))?.code == .corrupt)
        #expect(known.problem(with: try status("complete", 100, 100), at: .seconds(99)) == nil)
        var unknown = watch(nil)
        #expect(unknown.problem(with: try status("active", 0, 1000), at: .zero) == nil)
        #expect(unknown.problem(with: try status("active", 0, 1001), at: .zero)?.code == .tooLarge)
        #expect(unknown.problem(with: try status("active", 1001, 0), at: .zero)?.code == .tooLarge)
    }
}
