import Foundation
import Samples
import TestKit
import Testing

/// What ipfs-kit writes, read by programs that are not ours; and what Kubo wrote, read by it.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct OtherReadersTests {
    @Test(arguments: [S3Server.Kind.moto, .rclone])
    func objectsAreTheExportedArchives(_ kind: S3Server.Kind) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make(kind)
        try Trees.make(at: user.folder + "/tree")
        let added = try await user.run("add", user.folder + "/tree", "--quiet")
        let roots = [
            added.text.trimmingCharacters(in: .whitespacesAndNewlines),
            try await user.add(sampleBytes(12 << 20), name: "large"), try await user.add([]),
        ]
        // Parts, so that an upload in parts is among them.
        try await user.createS3("cloud", bucket, "--multipart-threshold", "5MiB", "--part-size", "5MiB")
        try await user.run("sync")
        let mappings = try await user.json("backend", "pin", "list", "cloud")
        #expect(mappings.mappings.items.count == roots.count)
        for root in roots {
            let path = try #require(mappings.mappings.items.first { $0.cid.text == root }?.car_file_path.text)
            let exported = [UInt8](try await user.run("dag", "export", root).output)
            #expect(try await bucket.object(path) == exported)
        }
        if kind == .moto { #expect(try await bucket.unfinished() == 0) }
    }

    @Test func indexesAreReadByOthers() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        for index in 0..<3 { try await user.add(sampleBytes(500 * (index + 1)), name: "ünï \(index)") }
        try await user.run("sync")
        let claimed = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
        try await user.run("backend", "pin", "add", "disk", claimed, "by/hand.car", "--name", "名前")
        let folder = user.home + "/backends/disk"
        let listed = try await user.json("backend", "pin", "list", "disk").mappings
        #expect(listed.items.count == 4)
        let parquet = try await Python.run(Self.readParquet, folder + "/pin_mappings.parquet")
        #expect(
            parquet.names.items.prefix(6).map(\.text) == [
                "cid", "car_file_path", "backend_name", "created_at", "status", "metadata",
            ]
        )
        #expect(
            parquet.types.items.prefix(6).map(\.text)
                == ["string", "string", "string", "timestamp[ms, tz=UTC]", "string", "string"]
        )
        let car = try await Python.run(Self.readCAR, folder + "/pin_mappings.car")
        #expect(car.format == .text("pin_mappings_car") && car.backend_name == .text("disk") && car.count == .number(4))
        for column in [
            "cid", "car_file_path", "backend_name", "created_at", "status", "metadata", "name", "size_bytes",
            "block_count", "car_sha256", "verify_method",
        ] {
            // The column of the files is text, which is that object.
            let wanted = listed.items.map {
                $0[dynamicMember: column] == .object([:]) ? .text("{}") : $0[dynamicMember: column]
            }
            #expect(parquet.arrow.items.map { $0[dynamicMember: column] } == wanted, "\(column)")
            #expect(parquet.duckdb.items.map { $0[dynamicMember: column] } == wanted, "\(column)")
            #expect(car.rows.items.map { $0[dynamicMember: column] } == wanted, "\(column)")
        }
    }

    /// Prints the schema and the rows as two readers see them, in the order of the file.
    private static let readParquet = """
        import json, sys, duckdb, pyarrow.parquet as pq
        table = pq.read_table(sys.argv[1])
        def text(value):
            if hasattr(value, "isoformat"):
                return value.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (value.microsecond // 1000)
            return value
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        cells = connection.execute(
            "SELECT * REPLACE (strftime(created_at, '%Y-%m-%dT%H:%M:%S.%gZ') AS created_at,"
            " CAST(verified_at AS VARCHAR) AS verified_at, CAST(updated_at AS VARCHAR) AS updated_at) FROM '"
            + sys.argv[1] + "'")
        names = [each[0] for each in cells.description]
        print(json.dumps({
            "names": table.schema.names, "types": [str(each) for each in table.schema.types],
            "arrow": [{key: text(value) for key, value in row.items()} for row in table.to_pylist()],
            "duckdb": [dict(zip(names, row)) for row in cells.fetchall()]}))
        """

    /// Reads a CAR with another implementation and prints its root with the rows of all its pages.
    private static let readCAR = """
        import json, sys, libipld
        header, blocks = libipld.decode_car(open(sys.argv[1], "rb").read())
        key = header["roots"][0]
        find = lambda cid: blocks[cid] if cid in blocks else blocks[libipld.encode_cid(cid)]
        root = find(key)
        rows = [row for page in root["pages"] for row in find(page)]
        plain = lambda value: value.hex() if isinstance(value, bytes) else value
        root["rows"] = [{name: plain(value) for name, value in row.items()} for row in rows]
        del root["pages"]
        print(json.dumps(root, default=plain))
        """

    static let archives = [
        "256k+1--v1-c1000-l3", "b1--c64", "b1--inline", "b1--trickle", "b1--v1-wrap", "b1--v1-mode", "d-100--v1",
        "d-1000--v1-maxdirlinks10-f16", "d-empty--default", "d-empty--v1", "b1--v1-c64", "b1--v1-inline",
        "b1--v1-noraw-inline", "b1--wrap", "d-100--maxdirlinks10", "d-100--v1-maxdirlinks10-f16", "d-empty--inline",
        "d-empty--v1-wrap", "d-empty--wrap", "d-empty--v1-mode",
    ]

    @Test func exportsAreThoseOfKubo() async throws {
        let user = try await User.ready()
        for name in Self.archives {
            let path = packageRoot.appending(path: "Tests/Fixtures/kubo-vectors/cars/\(name).car").path
            let imported = try await user.json("dag", "import", path)
            let root = try #require(imported.roots[0].text)
            let exported = try await user.run("dag", "export", root)
            #expect(try [UInt8](exported.output) == bytes(at: path), "\(name)")
        }
    }
}
