import Storage
import Testing

@testable import Services

/// Of the unfinished uploads of an object one is gone on with, and what is nobody's any more is taken away.
@Suite struct PartedUploadTests {
    /// An unfinished upload: how many parts it has, and whether it is old.
    private struct Unfinished: Sendable, CustomTestStringConvertible {
        let id: String
        let parts: Int
        let isOld: Bool

        var testDescription: String { "\(id): \(parts)\(isOld ? ", old" : "")" }
    }

    /// A service that has unfinished uploads, and writes down what becomes of them.
    private struct Taker: PartTaker {
        let policy = CallPolicy(backend: "parts", timing: Timing(now: { 0 }, sleep: { _ in }))
        let count = 5
        let unfinished: [Unfinished]
        let ended = Locked<[String]>([])
        let sent = Locked<Set<Int>>([])
        let made = Locked<String?>(nil)

        func pending() async throws(StorageError) -> [PendingUpload] {
            unfinished.map { PendingUpload(id: $0.id, isOld: $0.isOld) }
        }

        func begin() async throws(StorageError) -> String { "new" }

        func parts(of id: String) async throws(StorageError) -> [Int: Int] {
            let count = unfinished.first { $0.id == id }?.parts ?? 0
            return Dictionary(uniqueKeysWithValues: (0..<count).map { ($0 + 1, $0 + 1) })
        }

        func send(_ number: Int, _ present: Int?, to id: String) async throws(StorageError) -> Int {
            if present == nil { sent.change { _ = $0.insert(number) } }
            return number
        }

        func complete(_ id: String, _ parts: [Int]) async throws(StorageError) -> PutReceipt {
            made.change { $0 = id }
            return PutReceipt(proof: nil)
        }

        func completed(_ parts: [Int]) async throws(StorageError) -> PutReceipt? { nil }

        func end(_ id: String) async throws(StorageError) { ended.change { $0.append(id) } }

        func tellsOfLoss(_ error: StorageError) -> Bool { false }
    }

    /// What is unfinished in the order in which it is listed, the upload that is gone on with, and those that go.
    private struct Case: Sendable, CustomTestStringConvertible {
        let unfinished: [Unfinished]
        let best: String
        var ended: [String] = []

        var testDescription: String { unfinished.map(\.testDescription).joined(separator: "; ") }
    }

    private static func old(_ id: String, _ parts: Int) -> Unfinished {
        Unfinished(id: id, parts: parts, isOld: true)
    }

    private static func young(_ id: String, _ parts: Int) -> Unfinished {
        Unfinished(id: id, parts: parts, isOld: false)
    }

    private static let cases: [Case] = [
        Case(unfinished: [], best: "new"),
        Case(unfinished: [young("a", 2), old("b", 4)], best: "b"),
        Case(unfinished: [old("b", 4), young("a", 2)], best: "b"),
        Case(unfinished: [old("a", 2), young("b", 4)], best: "b", ended: ["a"]),
        Case(unfinished: [young("b", 4), old("a", 2)], best: "b", ended: ["a"]),
        Case(unfinished: [old("a", 2), old("b", 4)], best: "b", ended: ["a"]),
        Case(unfinished: [young("a", 2), young("b", 4)], best: "b"),
        Case(unfinished: [old("a", 1), young("b", 2), old("c", 3)], best: "c", ended: ["a"]),
    ]

    @Test(arguments: cases) private func whatLosesGoesWhereItIsOld(_ each: Case) async throws {
        let taker = Taker(unfinished: each.unfinished)
        let upload = PartedUpload(taker, concurrency: 2, places: Permits(2))
        #expect(try await upload.run().proof == nil)
        #expect(taker.made.read({ $0 }) == each.best)
        #expect(taker.ended.read({ $0 }) == each.ended)
        let present = each.unfinished.first { $0.id == each.best }?.parts ?? 0
        #expect(taker.sent.read({ $0 }) == Set((1...taker.count).dropFirst(present)))
    }
}
