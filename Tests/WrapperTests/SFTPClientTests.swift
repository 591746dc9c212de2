import Foundation
import Samples
import Synchronization
import TestKit
import Testing

@testable import SFTPClient

/// Packets, and what a session does with those who wait.
@Suite(.scratch) struct SFTPClientTests {
    private static let attributes: [UInt8] =
        [0, 0, 0, 0x0D, 0, 0, 0, 0, 0, 0, 1, 44, 0, 0, 0x81, 0xA4]
        + [0, 0, 0, 1, 0, 0, 0, 2]
    private static let name: [UInt8] = [0, 0, 0, 1, 0x61, 0, 0, 0, 0] + attributes

    @Test func `a reply that is cut anywhere is none, and a whole one is read`() throws {
        let whole: [(UInt8, [UInt8])] = [
            (101, [0, 0, 0, 2]), (102, [0, 0, 0, 2, 7, 8]), (103, [0, 0, 0, 3, 1, 2, 3]),
            (104, [0, 0, 0, 2] + Self.name + Self.name), (105, Self.attributes),
            (105, [0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x62]),
            (2, [0, 0, 0, 3, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x31]),
        ]
        for (type, bytes) in whole {
            #expect(SFTPReply(type: type, bytes[...]) != nil, "\(type)")
            // A greeting may end after any of its extensions.
            for count in 0..<bytes.count where !(type == 2 && count == 4) {
                #expect(SFTPReply(type: type, bytes[..<count]) == nil, "\(type), \(count)")
            }
        }
        guard case .attributes(let found) = try #require(SFTPReply(type: 105, Self.attributes[...])) else { return }
        #expect(found.length == 300)
        #expect(found.kind == .file)
        #expect(found.modified == 2)
    }

    @Test func `counts and lengths without sense end in nothing`() {
        let most: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
        for type in [UInt8](0...255) where type != 201 {
            #expect(SFTPReply(type: type, (most + most)[...]) == nil || type == 101, "\(type)")
        }
        var features = SFTPFeatures(extensions: [])
        features.take(limits: [UInt8](repeating: 0xFF, count: 32))
        #expect(features.maxRead == 255 << 10)
        features.take(limits: [UInt8](repeating: 0, count: 32))
        #expect(features.maxWrite >= 1024)
    }

    @Test func `pieces are as long as they may be, and together what was given`() {
        for (most, lengths) in [
            (1000, [1, 999, 5000]), (40_000, [10, 20, 100_000, 1, 39_999]), (255 << 10, [256 << 10]),
        ] {
            var pieces = SFTPPieces(most: most)
            var (given, sent): ([UInt8], [UInt8]) = ([], [])
            for (index, length) in lengths.enumerated() {
                let chunk = sampleBytes(length, seed: UInt64(index))
                given += chunk
                for piece in pieces.add(chunk) {
                    #expect(piece.count <= most)
                    sent += piece
                }
            }
            for piece in pieces.rest() { sent += piece }
            #expect(sent == given)
        }
    }

    // MARK: Sessions

    private func client(
        _ mode: String,
        observe: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) throws -> SFTPClient {
        var login = SSHLogin()
        login.host = "scripted"
        login.program = try SFTPServer.program(ofMode: mode, memory: Scratch.current)
        let start = ContinuousClock.now
        return try SFTPClient(
            login,
            sessions: 1,
            timeout: .seconds(30),
            now: { start.duration(to: .now) },
            observer: { observe }
        )
    }

    @Test func `a file that was opened for nobody is closed`() async throws {
        let session = try await client("late:open").session()
        let opening = Task { try await session.open(Scratch.current + "/a", .createNew).value() }
        #expect(try await holds { FileManager.default.fileExists(atPath: Scratch.current + "/kept-back") })
        opening.cancel()
        await #expect(throws: SFTPError.self) { try await opening.value }
        // The answer to the first comes with that to the second; the third finds what was left.
        for _ in 0..<2 { _ = try await session.send(.stat(Scratch.current)).value() }
        #expect(try await holds { FileManager.default.fileExists(atPath: Scratch.current + "/closed") })
    }

    @Test func `a file that is closed twice takes no other with it`() async throws {
        let session = try await client("end:\(1 << 30)").session()
        let first = try await session.open(Scratch.current + "/a", .createNew).value()
        try await first.close()?.value()
        let second = try await session.open(Scratch.current + "/b", .createNew).value()
        #expect(second.handle == first.handle)
        #expect(first.close() == nil)
        _ = try await second.attributes().value()
    }

    @Test func `of a file that is written to while it is read no more is given`() async throws {
        let path = Scratch.current + "/a"
        try Data(sampleBytes(12 << 20)).write(to: URL(filePath: path))
        let session = try await client("end:\(1 << 30)").session()
        let file = try await session.open(path, .read).value()
        let download = SFTPDownload(file, 0..<(12 << 20), of: try await file.attributes().value())
        #expect(try await download.next() != nil)
        let yesterday = Date(timeIntervalSinceNow: -90_000)
        try FileManager.default.setAttributes([.modificationDate: yesterday], ofItemAtPath: path)
        let error = await #expect(throws: SFTPError.self) { while try await download.next() != nil {} }
        #expect(error?.code == .changed)
    }

    @Test func `what is told of bytes is what the pipes carried`() async throws {
        let counts = Mutex((sent: 0, received: 0))
        let bytes = sampleBytes(300_000)
        do {
            let session = try await client("end:\(1 << 30)") { sent, received in
                counts.withLock { $0 = ($0.sent + sent, $0.received + received) }
            }.session()
            let file = try await session.open(Scratch.current + "/a", .createNew).value()
            var upload = SFTPUpload(file, at: 0)
            try await upload.write(bytes)
            try await upload.flush()
            try await upload.finish()
            try await file.close()?.value()
            let read = try await session.open(Scratch.current + "/a", .read).value()
            let download = SFTPDownload(read, 0..<300_000, of: try await read.attributes().value())
            var back: [UInt8] = []
            while let chunk = try await download.next() { back += chunk }
            #expect(back == bytes)
            try await read.close()?.value()
        }
        func number(_ name: String) -> Int? {
            (try? String(contentsOfFile: Scratch.current + "/" + name, encoding: .utf8)).flatMap {
                Int($0.trimmingCharacters(in: .newlines))
            }
        }
        #expect(try await holds { number("told") != nil })
        #expect(number("bytes") == counts.withLock { $0.sent })
        #expect(number("told") == counts.withLock { $0.received })
    }
}
