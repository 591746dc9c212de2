import HTTPClient
import TestKit

/// What tests of the client have in common.
protocol HTTPTests {}

extension HTTPTests {
    static var ok: String { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" }

    func options(_ change: (inout HTTPOptions) -> Void = { _ in }) -> HTTPOptions {
        var options = HTTPOptions()
        options.usesEnvironmentProxy = false
        options.stallTimeout = .seconds(30)
        change(&options)
        return options
    }

    func code(_ body: () async throws -> Void) async -> HTTPError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? HTTPError)?.code
        }
    }

    func stream(_ length: UInt64, _ chunks: [[UInt8]], thenFail: Bool = false) -> HTTPBody {
        .stream(length: length) { ListedChunks(chunks: chunks, fails: thenFail) }
    }
}

struct ListedChunks: AsyncSequence, Sendable {
    struct Broken: Error {}

    let chunks: [[UInt8]]
    let fails: Bool

    func makeAsyncIterator() -> Iterator { Iterator(chunks: chunks[...], fails: fails) }

    struct Iterator: AsyncIteratorProtocol {
        var chunks: ArraySlice<[UInt8]>
        let fails: Bool

        mutating func next() async throws -> [UInt8]? {
            if let chunk = chunks.popFirst() { return chunk }
            if fails { throw ListedChunks.Broken() }
            return nil
        }
    }
}

struct EndlessChunks: AsyncSequence, Sendable {
    let chunk: [UInt8]

    func makeAsyncIterator() -> Iterator { Iterator(chunk: chunk) }

    struct Iterator: AsyncIteratorProtocol {
        let chunk: [UInt8]

        func next() async throws -> [UInt8]? { chunk }
    }
}

/// Gives one byte, then nothing until its task is cancelled.
struct StuckAfterOne: AsyncSequence, Sendable {
    func makeAsyncIterator() -> Iterator { Iterator() }

    struct Iterator: AsyncIteratorProtocol {
        var hasGiven = false

        mutating func next() async throws -> [UInt8]? {
            defer { hasGiven = true }
            if hasGiven { try await hangUntilCancelled() }
            return [1, 1]
        }
    }
}
