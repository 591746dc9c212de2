internal import Digests
internal import HTTPClient
internal import Storage

/// Bytes to be sent, which are read anew for each try: they are held in memory only where there are few.
struct UploadBytes: Sendable {
    let length: UInt64
    /// The MD5 of the bytes, where it is to be known before they are sent.
    let md5: [UInt8]?
    /// The SHA-256, where it is sent with them.
    let sha256: [UInt8]?
    private let source: Body
    private let range: Range<UInt64>
    /// The bytes, where they are held.
    private let held: [UInt8]?

    /// Up to so many bytes are held.
    static let few: UInt64 = 1 << 20

    /// Prepares a part of a body, and reads it where it is held, or a digest of it is sent before it.
    ///
    /// Throws `corrupt` when it gives another number of bytes.
    @concurrent
    init(_ whole: Body, _ part: Range<UInt64>, withSHA256: Bool, withMD5: Bool) async throws(StorageError) {
        (source, range, length) = (whole, part, part.length)
        let known = withSHA256 && part == 0..<whole.length ? whole.sha256 : nil
        let computesSHA256 = withSHA256 && known == nil
        let isHeld = part.length <= Self.few
        guard isHeld || computesSHA256 || withMD5 else {
            (held, md5, sha256) = (nil, nil, known)
            return
        }
        var bytes: [UInt8] = []
        var md5 = RunningHash(.md5)
        var sha256 = RunningHash(.sha256)
        var count: UInt64 = 0
        // What is only looked at is not sent yet.
        for try await chunk in isHeld ? whole.open(part) : whole.look(part) {
            count += UInt64(chunk.count)
            guard count <= part.length else {
                throw StorageError(.corrupt, "The source gave more than the \(part.length) bytes that were expected.")
            }
            if withMD5 { md5.update(chunk) }
            if computesSHA256 { sha256.update(chunk) }
            if isHeld { bytes += chunk }
        }
        try StorageError.checkCancellation()
        guard count == part.length else {
            throw StorageError(.corrupt, "The source gave \(count) bytes where \(part.length) were expected.")
        }
        held = isHeld ? bytes : nil
        self.md5 = withMD5 ? md5.digest() : nil
        self.sha256 = computesSHA256 ? sha256.digest() : known
    }

    /// The MD5, for a service that is told it first.
    func md5Before() async throws(StorageError) -> [UInt8] {
        if let md5 { return md5 }
        if let held { return digest(.md5, of: held) }
        return try await source.digest(.md5, of: range)
    }

    /// The body of a request that sends them; `sent` becomes the MD5 of what was sent, where anybody wants it.
    func body(noting sent: Locked<[UInt8]?>? = nil) -> HTTPBody {
        let noted = md5 == nil ? sent : nil
        if let held {
            noted?.change { $0 = digest(.md5, of: held) }
            return .bytes(held)
        }
        return .stream(length: length) { [source, range] in SentBytes(bytes: source.open(range), digest: noted) }
    }
}
