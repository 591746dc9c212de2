import Foundation
import Parquet
import TestKit
import Testing

/// Why the Parquet library cannot be used here, or nil.
private let unavailable: String? = {
    do throws(ParquetError) {
        _ = try readParquet("/dev/null")
        return nil
    } catch {
        return error.code == .unavailable ? error.message : nil
    }
}()

/// Ends a test, with the reason, that needs what this machine does not have; `parquet` in IPFS_KIT_MUST_RUN forbids it.
private func require(_ problem: String?) throws {
    guard let problem else { return }
    let must = (ProcessInfo.processInfo.environment["IPFS_KIT_MUST_RUN"] ?? "").split(separator: ",")
    if must.contains("parquet") || must.contains("all") {
        Issue.record("IPFS_KIT_MUST_RUN asks for parquet: \(problem)")
    } else {
        try Test.cancel("parquet: \(problem)")
    }
}

private let packageFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// Runs Python from the package's own venv and returns what it prints.
private func python(_ program: String, _ arguments: String...) async throws -> String {
    let venv = packageFolder.appending(path: ".tools/venv/bin/python").path
    let path = ProcessInfo.processInfo.environment["IPFS_KIT_TEST_PYTHON"] ?? venv
    guard FileManager.default.isExecutableFile(atPath: path) else {
        try require("there is no Python at \(path); tools/setup test makes one")
        return ""
    }
    let result = try await ProcessRunner.run(URL(filePath: path), ["-c", program] + arguments)
    return (result.text + result.errorText).trimmingCharacters(in: .whitespacesAndNewlines)
}

private let columns = [
    ParquetColumn("cid", .utf8), ParquetColumn("note", .utf8, optional: true), ParquetColumn("size", .int64),
    ParquetColumn("files", .int64, optional: true), ParquetColumn("at", .timestampMillis),
]

private func write(_ path: String, groups: Int = 2, compression: ParquetWriter.Compression = .zstd) throws {
    var writer = try ParquetWriter(
        path: path,
        columns: columns,
        metadata: [("maker", "a test")],
        compression: compression
    )
    for group in 0..<groups {
        try writer.write([
            .utf8(ParquetTexts(["bafy\(group)", "naïve 🐟"])),
            .utf8(ParquetTexts([nil, ""])),
            .int64(ParquetNumbers([Int64(group), .max])),
            .int64(ParquetNumbers([1, nil])),
            .timestampMillis(ParquetNumbers([0, 1_753_904_659_863])),
        ])
    }
    try writer.close()
}

struct ParquetTests {
    let scratch: ScratchFile

    init() throws {
        scratch = try ScratchFile(named: "table.parquet")
        try require(unavailable)
    }

    @Test(arguments: [ParquetWriter.Compression.zstd, .snappy])
    func comesBack(_ compression: ParquetWriter.Compression) throws {
        try write(scratch.path, compression: compression)
        let table = try readParquet(scratch.path)
        #expect(table.rowCount == 4)
        #expect(table.metadata["maker"] == "a test")
        guard case .utf8(let cids) = table["cid"], case .utf8(let notes) = table["note"],
            case .int64(let sizes) = table["size"], case .int64(let files) = table["files"],
            case .timestampMillis(let times) = table["at"]
        else {
            Issue.record("a column has another type: \(table.columns.map(\.name))")
            return
        }
        #expect((0..<4).map { cids[$0] } == ["bafy0", "naïve 🐟", "bafy1", "naïve 🐟"])
        #expect((0..<4).map { notes[$0] } == [nil, "", nil, ""])
        #expect((0..<4).map { sizes[$0] } == [0, .max, 1, .max])
        #expect((0..<4).map { files[$0] } == [1, nil, 1, nil])
        #expect(times[1] == 1_753_904_659_863)
    }

    @Test func pyarrowReadsIt() async throws {
        try write(scratch.path)
        let program = """
            import pyarrow.parquet, sys
            table = pyarrow.parquet.read_table(sys.argv[1])
            print([str(field.type) for field in table.schema], [field.nullable for field in table.schema])
            print(table.to_pylist()[1]["cid"], table.to_pylist()[0]["note"], table.to_pylist()[1]["at"].isoformat())
            """
        let expected = """
            ['string', 'string', 'int64', 'int64', 'timestamp[ms, tz=UTC]'] [False, True, False, True, False]
            naïve 🐟 None 2025-07-30T19:44:19.863000+00:00
            """
        #expect(try await python(program, scratch.path) == expected)
    }

    @Test func duckDBReadsIt() async throws {
        try write(scratch.path)
        let program = """
            import duckdb, sys
            query = 'SELECT count(*), sum(size::HUGEINT), count(note), max(epoch_ms("at")) FROM read_parquet(?)'
            print(duckdb.execute(query, [sys.argv[1]]).fetchall())
            """
        let printed = try await python(program, scratch.path)
        #expect(printed == "[(4, 18446744073709551615, 2, 1753904659863)]")
    }

    @Test func readsWhatPandasAndOthersWrite() async throws {
        let program = """
            import datetime, pyarrow as pa, pyarrow.parquet as pq, sys
            when = [datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), None]
            pq.write_table(pa.table({
                "large": pa.array(["a", None], pa.large_string()), "coded": pa.array(["x", "x"]).dictionary_encode(),
                "void": pa.nulls(2), "micros": pa.array(when, pa.timestamp("us")), "small": pa.array([-1, 2], pa.int8()),
                "nanos": pa.array(when, pa.timestamp("ns")), "seconds": pa.array(when, pa.timestamp("s", "UTC")),
                "flag": pa.array([True, None]), "half": pa.array([0.5, None], pa.float32()),
                "list": pa.array([[1], []]), "struct": pa.array([{"a": 1}, {"a": 2}]), "raw": pa.array([b"a", b"b"]),
            }), sys.argv[1])
            """
        #expect(try await python(program, scratch.path) == "")
        let table = try readParquet(scratch.path)
        guard case .utf8(let large) = table["large"], case .utf8(let coded) = table["coded"],
            case .null(2) = table["void"], case .timestampMillis(let micros) = table["micros"],
            case .timestampMillis(let nanos) = table["nanos"], case .timestampMillis(let seconds) = table["seconds"],
            case .boolean(let flag) = table["flag"], case .double(let half) = table["half"],
            case .unsupported = table["list"], case .unsupported = table["struct"], case .unsupported = table["raw"],
            case .int64(let small) = table["small"]
        else {
            Issue.record("a column has another type: \(table.columns)")
            return
        }
        #expect(large[0] == "a" && large[1] == nil && coded[0] == "x" && coded[1] == "x")
        #expect(micros[0] == -1 && nanos[0] == -1 && seconds[0] == -1000 && micros[1] == nil)
        #expect(flag[0] == true && flag[1] == nil && half[0] == 0.5 && half[1] == nil && small[0] == -1)
    }

    @Test func refusesColumnsThatDoNotFit() throws {
        var writer = try ParquetWriter(path: scratch.path, columns: [ParquetColumn("a", .utf8)])
        for group in [
            [], [.int64(ParquetNumbers([1]))], [.utf8(ParquetTexts([nil]))],
            [.utf8(ParquetTexts(["a"])), .utf8(ParquetTexts(["b"]))],
        ] as [[ParquetValues]] {
            let error = #expect(throws: ParquetError.self) { try writer.write(group) }
            #expect(error?.code == .badArgument)
        }
    }

    @Test func saysWhyAFileCannotBeReached() throws {
        let missing = #expect(throws: ParquetError.self) { try readParquet(scratch.path + ".none") }
        #expect(missing?.code == .ioError)
        let folder = #expect(throws: ParquetError.self) { try write(scratch.path + "/x") }
        #expect(folder?.code == .ioError)
        try write(scratch.path)
        let large = #expect(throws: ParquetError.self) { try readParquet(scratch.path, rowLimit: 3) }
        #expect(large?.code == .tooLarge)
        let texts = #expect(throws: ParquetError.self) { try readParquet(scratch.path, byteLimit: 5) }
        #expect(texts?.code == .tooLarge)
    }

    @Test func anUnfinishedFileIsNotParquet() throws {
        do {
            var writer = try ParquetWriter(path: scratch.path, columns: [ParquetColumn("a", .utf8)])
            try writer.write([.utf8(ParquetTexts(["x"]))])
        }
        #expect(throws: ParquetError.self) { try readParquet(scratch.path) }
    }

    /// Each byte of a small file in turn is broken: the answer may be an error or other values, but it is an answer.
    @Test func damageIsNeverACrash() throws {
        try write(scratch.path, groups: 1)
        let whole = try Data(contentsOf: URL(filePath: scratch.path))
        var generator = SystemRandomNumberGenerator()
        for place in whole.indices {
            var broken = whole
            broken[place] ^= UInt8.random(in: 1...255, using: &generator)
            try broken.write(to: URL(filePath: scratch.path))
            _ = try? readParquet(scratch.path, byteLimit: 1 << 20)
            if place.isMultiple(of: 16) {
                try whole.prefix(place).write(to: URL(filePath: scratch.path))
                #expect(throws: ParquetError.self) { try readParquet(scratch.path) }
            }
        }
    }

    /// Files of a few bytes or KiB that ask for much: refused by what they say, before anything is read.
    @Test func whatAsksForTooMuchIsRefused() async throws {
        let program = """
            import pyarrow as pa, pyarrow.parquet as pq, sys
            zeros = pa.array([0] * 200000)
            for number, table in enumerate([
                {"a": pa.array([7]).take(zeros)}, {"a": pa.array(["x" * 100]).take(zeros)}, {"a": ["x" * (80 << 20)]},
                {f"c{n}": [1] for n in range(5000)}, {f"c{n}": pa.nulls(20000) for n in range(100)},
            ]): pq.write_table(pa.table(table), f"{sys.argv[1]}.{number}", compression="zstd")
            """
        defer { for number in 0..<5 { try? FileManager.default.removeItem(atPath: "\(scratch.path).\(number)") } }
        #expect(try await python(program, scratch.path) == "")
        for number in 0..<5 {
            let path = "\(scratch.path).\(number)"
            let error = #expect(throws: ParquetError.self) { try readParquet(path, byteLimit: 1 << 20) }
            #expect(error?.code == .tooLarge, "\(number): \(error?.message ?? "")")
        }
    }

    /// The decoder of deltas takes memory for as many values as the page says, before it looks for one of them.
    @Test func aCountThatLiesTakesNoMemory() async throws {
        let program = """
            import pyarrow as pa, pyarrow.parquet as pq, sys
            def varint(n):
                out = b""
                while n > 127: out += bytes([n & 127 | 128]); n >>= 7
                return out + bytes([n])
            count = 1 << 21
            table = pa.table({"a": pa.array([""] * count)})
            pq.write_table(table, sys.argv[1], use_dictionary=False, column_encoding={"a": "DELTA_LENGTH_BYTE_ARRAY"},
                           compression="none", data_page_size=1 << 30, row_group_size=count, max_rows_per_page=count,
                           write_batch_size=count)
            data = open(sys.argv[1], "rb").read()
            head = varint(128) + varint(4) + varint(count)
            print(data.count(head))
            open(sys.argv[1], "wb").write(data.replace(head, varint(128) + varint(4) + b"\\xff\\xff\\xff\\x7f"))
            """
        #expect(try await python(program, scratch.path) == "1")
        let error = #expect(throws: ParquetError.self) { try readParquet(scratch.path, byteLimit: 64 << 20) }
        #expect(error?.code == .tooLarge, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("jul2025_cli_pandas2/backends/empty-be", 0), ("jul2025_cli_pandas2/backends/my-storacha-backend", 1),
        ("jul2025_cli_pandas2/backends/my-s3-backend", 3), ("jul2025_cli_pandas2/backends/with-updated-at", 2),
        ("jul31_migrated_pandas2/backends/archive_hf", 2), ("jul31_migrated_pandas2/backends/cold_storage", 0),
    ])
    func readsLegacyPinMappings(_ folder: String, _ rows: Int) throws {
        let path = packageFolder.appending(path: "Tests/Fixtures/legacy/\(folder)/pin_mappings.parquet").path
        let table = try readParquet(path)
        #expect(table.rowCount == rows)
        switch table["cid"] {
        case .utf8(let cids): #expect(cids.count == rows && (0..<rows).allSatisfy { cids[$0] != nil })
        case .null(let count): #expect(count == rows && rows == 0)
        default: Issue.record("the cid column has another type: \(table.columns)")
        }
    }

    @Test func everyLegacyFileIsReadOrRefused() throws {
        let home = packageFolder.appending(path: "Tests/Fixtures/legacy")
        let names = FileManager.default.enumerator(atPath: home.path)?.compactMap { $0 as? String } ?? []
        let files = names.filter { $0.hasSuffix(".parquet") }
        #expect(files.count > 10)
        for file in files {
            let path = home.appending(path: file).path
            let isEmpty = try Data(contentsOf: URL(filePath: path)).isEmpty
            if isEmpty {
                let error = #expect(throws: ParquetError.self) { try readParquet(path) }
                #expect(error?.code == .corrupt, "\(file)")
            } else {
                #expect(throws: Never.self, "\(file)") { try readParquet(path) }
            }
        }
    }

    @Test func writesMany() throws {
        let rows = 100_000
        var texts = ParquetTexts()
        var numbers = ParquetNumbers<Int64>()
        for row in 0..<rows {
            texts.append("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55\(row)")
            numbers.append(Int64(row))
        }
        var writer = try ParquetWriter(
            path: scratch.path,
            columns: [ParquetColumn("cid", .utf8), ParquetColumn("size", .int64)]
        )
        try writer.write([.utf8(texts), .int64(numbers)])
        try writer.close()
        let table = try readParquet(scratch.path)
        guard case .utf8(let cids) = table["cid"], case .int64(let sizes) = table["size"] else { return }
        #expect(cids[rows - 1] == texts[rows - 1] && sizes[rows - 1] == Int64(rows - 1))
    }
}
