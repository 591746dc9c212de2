internal import POSIX

/// The bytes of a file, or of standard input under the name `-`, read from front to back.
struct Input: Sendable {
    /// The name as it was given.
    let name: String
    private let file: File?
    private let session: Session

    /// Opens what a person named.
    init(_ name: String, _ session: Session) throws(KitError) {
        self.name = name
        self.session = session
        guard name != "-" else {
            file = nil
            return
        }
        do throws(FileError) {
            let file = try File(name, .read)
            file.expectSequentialReads()
            self.file = file
        } catch {
            throw KitError(error)
        }
    }

    /// The length in bytes, where it can be known.
    var length: UInt64? { file.flatMap { try? $0.length() } }

    /// Reads what comes at `offset`, which is where the last reading stopped: some bytes, at most `count`, or none at
    /// the end.
    func read(at offset: UInt64, _ count: Int) async throws(KitError) -> [UInt8] {
        try await BlockingThreads.shared.run { () throws(KitError) in try readNow(at: offset, count) }
    }

    /// Reads everything; throws where there are more than `limit` bytes.
    func readAll(limit: Int) async throws(KitError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try await read(at: UInt64(bytes.count), limit - bytes.count + 1)
            if more.isEmpty { return bytes }
            bytes += more
            guard bytes.count <= limit else {
                throw KitError(.limit, "\(name == "-" ? "Standard input" : name) has more than \(limit) bytes.")
            }
        }
    }

    private func readNow(at offset: UInt64, _ count: Int) throws(KitError) -> [UInt8] {
        guard let file else { return try session.read(min(count, 1 << 20)) }
        do throws(FileError) {
            return try file.read(at: offset, count: count)
        } catch {
            throw KitError(error)
        }
    }
}
