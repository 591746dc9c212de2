internal import Synchronization

/// An open file, which is closed when nobody holds it any more.
package final class SFTPFile: Sendable {
    package let session: SFTPSession
    let handle: [UInt8]
    private let isClosed = Atomic(false)

    init(_ handle: [UInt8], in session: SFTPSession) { (self.handle, self.session) = (handle, session) }

    deinit { close() }

    /// What is said of it, whatever takes its name meanwhile.
    package func attributes() -> SFTPPending<SFTPAttributes> { session.send(.fstat(handle)) }

    /// Has the server bring it to its disk; nil where it does not say when it has.
    package func sync() -> SFTPPending<Void>? {
        session.features.canSync ? session.send(.sync(handle), isSlow: true) : nil
    }

    /// Closes it, unless it was closed before: its handle may be another file's by then.
    @discardableResult
    package func close() -> SFTPPending<Void>? {
        isClosed.exchange(true, ordering: .relaxed) ? nil : session.send(.close(handle))
    }
}

/// A part of a file that is read: many requests are in flight, and what comes is given in the order of the bytes.
///
/// Behind each request goes the question whether somebody wrote to the file.
package final class SFTPDownload: Sendable {
    /// A part that was asked for.
    private struct Part: Sendable {
        let range: Range<UInt64>
        let bytes: SFTPPending<[UInt8]>
        let attributes: SFTPPending<SFTPAttributes>
    }

    private struct State {
        var asked: UInt64
        var parts: [Part] = []
    }

    private let file: SFTPFile
    private let found: SFTPAttributes
    private let end: UInt64
    private let state: Mutex<State>

    /// Reads a part of a file of which `found` was said.
    package init(_ file: SFTPFile, _ range: Range<UInt64>, of found: SFTPAttributes) {
        (self.file, self.found, end) = (file, found, range.upperBound)
        state = Mutex(State(asked: range.lowerBound))
    }

    /// The next bytes, or nil at the end; one task at a time may ask.
    package func next() async throws(SFTPError) -> [UInt8]? {
        try SFTPError.checkCancellation()
        guard let part = ask() else { return nil }
        let bytes = try await bytes(of: part)
        let missing = part.range.lowerBound + UInt64(bytes.count)..<part.range.upperBound
        state.withLock { state in
            state.parts.removeFirst()
            // A server may give less than it was asked for.
            if !missing.isEmpty { state.parts.insert(send(missing), at: 0) }
        }
        return bytes
    }

    /// Fills the window, and gives the first part that is still to come.
    private func ask() -> Part? {
        let step = file.session.features.maxRead
        return state.withLock { state in
            while state.parts.count < SFTPFeatures.window(step), state.asked < end {
                let range = state.asked..<min(end, state.asked + UInt64(step))
                state.parts.append(send(range))
                state.asked = range.upperBound
            }
            return state.parts.first
        }
    }

    private func send(_ range: Range<UInt64>) -> Part {
        let count = Int(range.upperBound - range.lowerBound)
        let bytes = file.session.send(.read(file.handle, at: range.lowerBound, count: count))
        return Part(range: range, bytes: bytes, attributes: file.attributes())
    }

    /// Of what was written meanwhile nothing is given.
    private func bytes(of part: Part) async throws(SFTPError) -> [UInt8] {
        let bytes: [UInt8]
        let now: SFTPAttributes
        do throws(SFTPError) {
            bytes = try await part.bytes.value()
            now = try await part.attributes.value()
        } catch  where error.isEnd {
            throw SFTPError(.changed, "The file is shorter than it was.")
        }
        guard now.length == found.length, now.modified == found.modified else {
            throw SFTPError(.changed, "The file was written to.")
        }
        let most = part.range.upperBound - part.range.lowerBound
        guard !bytes.isEmpty, bytes.count <= most else {
            throw SFTPError(
                .protocolViolation,
                "The server gave \(bytes.count) bytes where \(most) were asked for."
            )
        }
        return bytes
    }
}

/// Bytes that are written to a file one after another, with many requests in flight.
package struct SFTPUpload: ~Copyable, Sendable {
    private let file: SFTPFile
    private var offset: UInt64
    private var pieces: SFTPPieces
    private var pending: [SFTPPending<Void>] = []

    /// Writes from a byte on.
    package init(_ file: SFTPFile, at offset: UInt64) {
        (self.file, self.offset) = (file, offset)
        pieces = SFTPPieces(most: file.session.features.maxWrite)
    }

    /// Where the next byte goes.
    package var position: UInt64 { offset + UInt64(pieces.held) }

    /// Takes the next bytes; waits where enough are on their way.
    package mutating func write(_ chunk: [UInt8]) async throws(SFTPError) {
        try SFTPError.checkCancellation()
        for piece in pieces.add(chunk) { try await send(piece) }
    }

    /// Sends what is held; what is asked after that is answered when it is written.
    package mutating func flush() async throws(SFTPError) {
        for piece in pieces.rest() { try await send(piece) }
    }

    /// Waits until the server has taken all that was sent.
    package consuming func finish() async throws(SFTPError) {
        for answer in pending { try await answer.value() }
    }

    private mutating func send(_ data: ArraySlice<UInt8>) async throws(SFTPError) {
        if pending.count >= SFTPFeatures.window(file.session.features.maxWrite) {
            try await pending.removeFirst().value()
        }
        pending.append(file.session.send(.write(file.handle, at: offset, data)))
        offset += UInt64(data.count)
    }
}

/// Divides chunks into pieces that a request can bring; small chunks are put together.
struct SFTPPieces: Sendable {
    private let most: Int
    private var pending: ArraySlice<UInt8> = []

    /// Shorter pieces cost more than putting them together.
    private static let least = 32 << 10

    init(most: Int) { self.most = most }

    var held: Int { pending.count }

    /// Takes a chunk, and gives what is to be sent now.
    mutating func add(_ chunk: [UInt8]) -> [ArraySlice<UInt8>] {
        pending = pending.isEmpty ? chunk[...] : pending + chunk
        return pending.count < min(Self.least, most) ? [] : rest()
    }

    /// All that is held, in pieces of about one length.
    mutating func rest() -> [ArraySlice<UInt8>] {
        defer { pending = [] }
        guard !pending.isEmpty else { return [] }
        let count = (pending.count + most - 1) / most
        let step = (pending.count + count - 1) / count
        return stride(from: pending.startIndex, to: pending.endIndex, by: step).map {
            pending[$0..<min($0 + step, pending.endIndex)]
        }
    }
}
