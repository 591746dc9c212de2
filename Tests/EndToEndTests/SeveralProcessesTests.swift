import Foundation
import Samples
import TestKit
import Testing

/// Several processes at one home, and one that is interrupted.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct SeveralProcessesTests {
    @Test func acknowledgedIsStored() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        let roots = try await Python.run(
            """
            import hashlib, json, base64
            make = lambda n: b"\\x01\\x55\\x12\\x20" + hashlib.sha256(b"%d" % n).digest()
            print(json.dumps(["b" + base64.b32encode(make(n)).decode().lower().rstrip("=") for n in range(200)]))
            """
        ).items.compactMap(\.text)
        #expect(roots.count == 200)
        let acknowledged = try await withThrowingTaskGroup(of: [String].self) { group in
            for part in 0..<4 {
                group.addTask {
                    var done: [String] = []
                    for root in roots[(part * 50)..<(part * 50 + 50)] {
                        let words = ["backend", "pin", "add", "disk", root, "p/\(root).car", "--quiet"]
                        if try await user.attempt(words).code == 0 { done.append(root) }
                    }
                    return done
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(acknowledged.count == 200)
        let listed = try await user.json("backend", "pin", "list", "disk").mappings.items.compactMap(\.cid.text)
        #expect(Set(listed) == Set(acknowledged))
        let folder = user.home + "/backends/disk"
        let files = try await Python.run(
            """
            import json, sys, libipld, pyarrow.parquet as pq
            header, blocks = libipld.decode_car(open(sys.argv[1] + "/pin_mappings.car", "rb").read())
            root = blocks[header["roots"][0]]
            print(json.dumps({
                "parquet": pq.read_table(sys.argv[1] + "/pin_mappings.parquet")["cid"].to_pylist(),
                "car": [row["cid"] for page in root["pages"] for row in blocks[page]]}))
            """,
            folder
        )
        #expect(files.parquet.items.compactMap(\.text) == listed && files.car.items.compactMap(\.text) == listed)
        #expect(try Trees.files(in: folder).filter { !$0.hasPrefix(".lock") }.count == 2)
    }

    @Test func addsAtOnceAreAllKept() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        let roots = try await withThrowingTaskGroup(of: String.self) { group in
            for index in 0..<6 {
                group.addTask { try await user.add(sampleBytes(300_000, seed: UInt64(index / 2)), name: "f\(index)") }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(roots.count == 3)
        #expect(try await Set(user.pins()) == roots)
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 3)
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func anInterruptedAddLeavesNothingPinned(_ signal: Int32) async throws {
        let user = try await User.ready()
        let folder = user.folder + "/tree"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try write([1, 2, 3], to: folder + "/a")
        try write([], to: folder + "/b")
        // A hole takes no room on the disk, and far longer to hash than any machine takes to send a signal.
        let hole = try FileHandle(forWritingTo: URL(filePath: folder + "/b"))
        try hole.truncate(atOffset: 1 << 40)
        try hole.close()
        let add = try Running(user, "add", folder)
        // It is at work when there is a pack; what it tells of comes when it is in the store.
        let packs = user.home + "/store/packs"
        try await add.wait { (try? FileManager.default.contentsOfDirectory(atPath: packs))?.isEmpty == false }
        #expect(!add.output.contains("tree/a"))
        add.signal(signal)
        #expect(await add.end() == 130, "\(add.errors)")
        #expect(add.errors.contains("interrupted"))
        #expect(try await user.pins().isEmpty)
        try FileManager.default.removeItem(atPath: folder + "/b")
        try await user.run("add", folder)
        #expect(try await user.pins().count == 1)
    }

    @Test func anInterruptedSyncGoesOn() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        // However late somebody sees that it waits, it waits.
        try await proxy.set([.hang.on("PUT", times: 4...(1 << 60))], for: "slow")
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--max-connections", "1")
        for index in 0..<4 { try await user.add(sampleBytes(1000, seed: UInt64(index)), name: "f\(index)") }
        let sync = try Running(user, "sync")
        try await sync.wait { try await proxy.count("PUT") >= 4 }
        sync.signal(SIGINT)
        #expect(await sync.end() == 130, "\(sync.errors)")
        try await proxy.clear("slow")
        #expect(try await user.dirty() == ["cloud"])
        let second = try await user.json("sync")
        #expect(second.backends[0].uploaded.int == 2, "\(second)")
        #expect(try await user.json("verify").backends[0].whole.int == 4)
    }

    @Test func anInterruptedRecoveryGoesOn() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        try await user.createS3("cloud", bucket)
        for index in 0..<3 { try await user.add(sampleBytes(1000, seed: UInt64(index)), name: "f\(index)") }
        try await user.run("sync")
        let pins = try await user.json("pin", "ls")
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await proxy.set([.hang.on("GET", path: "/cars/", times: 2...(1 << 60))], for: "slow")
        var fresh = try await User.ready("fresh")
        try await fresh.createS3("cloud", bucket, endpoint: proxy.endpoint)
        let recovery = try Running(fresh, "recover", "--from", "cloud")
        try await recovery.wait { try await proxy.requests().count { $0.contains("/cars/") } >= 2 }
        recovery.signal(SIGINT)
        #expect(await recovery.end() == 130, "\(recovery.errors)")
        try await proxy.clear("slow")
        #expect(try await fresh.json("pin", "ls") == pins)
        let second = try await fresh.json("recover", "--from", "cloud")
        #expect(second.content.whole.int == 1 && second.content.restored.items.count == 2)
    }
}
