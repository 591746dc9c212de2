internal import Schema
internal import Storage

/// The values of a stream that has one on each line, some at a time.
///
/// A line that is longer than `longest` bytes, or no JSON, is an error, which `failure` makes of a phrase.
func jsonLines(
    _ stream: any ByteStream,
    longest: Int = 64 << 10,
    failure: @escaping @Sendable (String) -> StorageError
) -> Pulled<[JSON]> {
    Pulled {
        let cursor = StreamCursor(stream)
        let lines = Locked(JSONLineSplitter(longest: longest))
        return { () async throws(StorageError) in
            while true {
                guard let chunk = try await cursor.next() else {
                    let last = lines.change { $0.rest() }
                    return last.isEmpty ? nil : [try value(of: last, failure)]
                }
                guard let whole = lines.change({ $0.add(chunk) }) else {
                    throw failure("a line of the answer is longer than \(longest) bytes")
                }
                var values: [JSON] = []
                for line in whole where !line.isEmpty { values.append(try value(of: line, failure)) }
                if !values.isEmpty { return values }
            }
        }
    }
}

/// The values of a list that has one on each line and comes by one request, which `open` makes when the first page is
/// asked for; more than `most` are an error.
func jsonList(
    of things: String,
    most: Int,
    _ open: @escaping @Sendable () async throws(StorageError) -> Pulled<[JSON]>
) -> Pulled<[JSON]> {
    Pulled {
        let state = Locked<(pages: StreamCursor<[JSON]>?, count: Int)>((nil, 0))
        return { () async throws(StorageError) in
            let pages: StreamCursor<[JSON]>
            if let begun = state.read({ $0.pages }) {
                pages = begun
            } else {
                pages = StreamCursor(try await open())
                state.change { $0.pages = pages }
            }
            guard let page = try await pages.next() else { return nil }
            let count = state.change { state in
                state.count += page.count
                return state.count
            }
            guard count <= most else {
                throw StorageError(.tooLarge, "More than \(most) \(things) are listed, perhaps without end.")
            }
            return page
        }
    }
}

private func value(
    of line: ArraySlice<UInt8>,
    _ failure: (String) -> StorageError
) throws(StorageError) -> JSON {
    do {
        return try JSON(reading: line)
    } catch {
        throw failure("the answer is not the JSON that was expected")
    }
}

/// Cuts what comes into lines, and keeps the beginning of the one that is not over yet.
struct JSONLineSplitter {
    let longest: Int
    private var begun: [UInt8] = []

    init(longest: Int) { self.longest = longest }

    /// The lines that end in `chunk`; nil where one is too long.
    mutating func add(_ chunk: [UInt8]) -> [ArraySlice<UInt8>]? {
        var lines: [ArraySlice<UInt8>] = []
        var rest = chunk[...]
        while let end = rest.firstIndex(of: 0x0A) {
            let line = begun.isEmpty ? rest[..<end] : (begun + rest[..<end])[...]
            guard line.count <= longest else { return nil }
            lines.append(line)
            begun = []
            rest = rest[(end + 1)...]
        }
        begun += rest
        return begun.count <= longest ? lines : nil
    }

    /// What stands behind the last line.
    mutating func rest() -> ArraySlice<UInt8> {
        defer { begun = [] }
        return begun[...]
    }
}
