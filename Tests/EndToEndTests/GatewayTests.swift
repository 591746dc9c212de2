import Foundation
import Samples
import TestKit
import Testing

/// Gateways as a backend, from the command line: the hosts are simulators that are held to recorded answers.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct GatewayTests {
    /// Hosts that have what one user added, and another user who has nothing but a backend `web` on them.
    private struct World {
        let hosts: [GatewayServer]
        let reader: User
        /// A file of several blocks, and a folder.
        let (file, folder): (String, String)
        let tree: [String: String]

        init(_ count: Int, _ more: String...) async throws {
            let owner = try await User.ready("owner")
            try Trees.make(at: owner.folder + "/tree")
            file = try await owner.add(sampleBytes(3 << 20), name: "large")
            folder = try await owner.run("add", owner.folder + "/tree", "-q").cid
            var hosts: [GatewayServer] = []
            for _ in 0..<count { hosts.append(try await GatewayServer.start()) }
            for (number, root) in [file, folder].enumerated() {
                let path = owner.folder + "/\(number).car"
                try await owner.run("dag", "export", root, "-o", path)
                let car = Array(try Data(contentsOf: URL(filePath: path)))
                for host in hosts { try await host.keep(car) }
            }
            self.hosts = hosts
            reader = try await User.ready("reader")
            let urls = hosts.map(\.endpoint).joined(separator: ",")
            let words = ["backend", "create", "web", "gateway", "--urls", urls, "--retry-count", "0"] + more
            let created = try await reader.attempt(words)
            #expect(created.code == 0, "\(created.errorText)")
            tree = try Trees.contents(of: owner.folder + "/tree")
        }
    }

    @Test func whatHostsHaveIsReadAndComesBack() async throws {
        let world = try await World(2)
        let user = world.reader
        let test = try await user.json("backend", "test", "web")
        #expect(test.ok == .flag(true) && test.seen.text?.contains("trustless gateway") == true)
        #expect(try await user.json("backend", "health", "web").backends[0].health == .text("ok"))
        #expect(try await user.json("backend", "usage", "web").backends[0].used_bytes == .null)
        let certified = try await user.json("backend", "certify", "web", "--full")
        #expect(certified.ok == .flag(true) && certified.laws.items.contains { $0.outcome == .text("passed") })
        #expect(try await user.json("sync", "web").warnings.items.contains { $0.text?.contains("only gives") == true })
        #expect(try await user.attempt(["recover", "--from", "web"]).code == 12)

        // A part of a file is one request beside that for its first block, and so is a whole folder.
        for host in world.hosts { try await host.forgetRequests() }
        let part = try await user.attempt([
            "cat", "--from", "web", world.file, "--offset", "1000000", "--length", "70000",
        ])
        #expect(Array(part.output) == Array(sampleBytes(3 << 20)[1_000_000..<1_070_000]))
        let requests = try await world.hosts[0].requests()
        #expect(requests.count == 2 && requests[1].contains("entity-bytes=1000000%3A1069999"), "\(requests)")
        try await world.hosts[0].forgetRequests()
        try await user.run("get", "--from", "web", world.folder, "--output", user.folder + "/got")
        #expect(try Trees.contents(of: user.folder + "/got") == world.tree)
        // What stands in it twice comes once in that, and is asked for when it is wanted again.
        let whole = try await world.hosts[0].requests()
        #expect(whole.count == 3 && whole[1].contains("dag-scope=all") && whole[2].contains("format=raw"), "\(whole)")

        // What was pinned elsewhere comes into the store, and who gave it counts for no replica.
        try await user.run("restore", "--from", "web", world.file, world.folder)
        try await user.run("pin", "add", world.file, world.folder)
        #expect(try await user.content(world.file) == sampleBytes(3 << 20))
        #expect(try await user.attempt(["whereis", world.file]).code == 4)
        let others = try await world.hosts[1].requests().filter { !$0.contains("bafkqaaa") }
        #expect(others.isEmpty, "\(others)")
    }

    /// Hosts that break off, lie or are gone: what one of them lacks comes from another, and where nobody has it, that
    /// is told.
    @Test(arguments: [
        ("cut", #"{"bytes":200000}"#), ("short", #"{"blocks":2}"#), ("lie", "{}"), ("status", #"{"status":504}"#),
        ("files", "{}"), ("status", #"{"status":451,"text":"blocked"}"#),
    ]) func oneHostThatFailsChangesNothing(_ fault: (name: String, fields: String)) async throws {
        let world = try await World(2)
        let user = world.reader
        try await world.hosts[0].begin(fault.name, fault.fields)
        try await user.run("get", "--from", "web", world.folder, "--output", user.folder + "/got")
        #expect(try Trees.contents(of: user.folder + "/got") == world.tree)
        let content = try await user.attempt(["cat", "--from", "web", world.file])
        #expect(Array(content.output) == sampleBytes(3 << 20))
        try await user.run("restore", "--from", "web", world.file)
        #expect(try await user.content(world.file) == sampleBytes(3 << 20))
    }

    /// What a kit left in a folder is read by another one through a web server that shows it.
    @Test func aFolderOnTheWebIsRead() async throws {
        let owner = try await User.ready("owner")
        let disk = owner.folder + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        try await owner.run("backend", "create", "disk", "filesystem", "--path", disk)
        let roots = [
            try await owner.add(sampleBytes(3 << 20), name: "large"),
            try await owner.add(sampleBytes(3000), name: "small"),
        ]
        try await owner.run("sync")
        let reader = try await User.ready("reader")
        let url = try await GatewayServer.files(of: disk) + "/cars/{cid}.car"
        try await reader.run("backend", "create", "web", "gateway", "--urls", url)
        try await reader.run("backend", "test", "web")
        #expect(Array(try await reader.run("cat", "--from", "web", roots[1]).output) == sampleBytes(3000))
        try await reader.run("restore", "--from", "web", roots[0])
        #expect(try await reader.content(roots[0]) == sampleBytes(3 << 20))
        // A CAR that rotted there is not taken for the content.
        let name = try #require(
            try FileManager.default.subpathsOfDirectory(atPath: disk).first { $0.hasSuffix("\(roots[1]).car") }
        )
        try flip(disk + "/" + name)
        let other = try await User.ready("other")
        try await other.run("backend", "create", "web", "gateway", "--urls", url)
        #expect(try await other.attempt(["restore", "--from", "web", roots[1]]).code == 10)
    }

    @Test func whereAllFailItIsTold() async throws {
        let world = try await World(2)
        let user = world.reader
        for host in world.hosts { try await host.begin("lie") }
        let lied = try await user.attempt(["restore", "--from", "web", world.file])
        #expect(lied.code == 10, "\(lied.text)\(lied.errorText)")
        for host in world.hosts {
            try await host.end("lie")
            try await host.begin("status", #"{"status":503}"#)
        }
        for words in [
            ["backend", "test", "web"], ["cat", "--from", "web", world.file], ["restore", "--from", "web", world.file],
        ] {
            let answer = try await user.attempt(words)
            #expect(answer.code == 5, "\(words): \(answer.text)\(answer.errorText)")
            for host in world.hosts {
                #expect((answer.text + answer.errorText).contains(host.endpoint.dropFirst(7)), "\(words)")
            }
        }
        #expect(try await user.json("backend", "health", "web", code: 5).backends[0].health == .text("unreachable"))
        #expect(
            try await user.attempt(["get", "--from", "web", world.folder, "--output", user.folder + "/got"]).code == 5
        )
        #expect(!FileManager.default.fileExists(atPath: user.folder + "/got"))
    }
}
