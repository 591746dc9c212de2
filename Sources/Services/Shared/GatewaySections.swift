internal import IPLD
internal import Multiformats
internal import Storage

/// The sections of a CAR as a host gives it, each block checked against its CID.
///
/// What stands in its header counts for nothing: hosts name what they like there.
actor GatewaySections {
    private let cursor: StreamCursor<[UInt8]>
    private let errors: GatewayErrors
    private let what: String
    private var parser = CARParser(verifiesBlocks: true)
    private var ready: ArraySlice<CARSection> = []
    private var isAtEnd = false
    /// What is wrong behind the sections that are ready.
    private var problem: StorageError?

    init(_ stream: any ByteStream, _ errors: GatewayErrors, _ what: String) {
        (cursor, self.errors, self.what) = (StreamCursor(stream), errors, what)
    }

    /// The next section; nil where the CAR ended between two of them, which does not say that it was whole.
    func next() async throws(StorageError) -> CARSection? {
        while ready.isEmpty, !isAtEnd {
            if let problem { throw problem }
            let chunk = try await cursor.next()
            do throws(DecodingProblem) {
                if let chunk { parser.feed(chunk) } else { isAtEnd = true }
                while let event = try parser.next() {
                    if case .section(let section) = event { ready.append(section) }
                }
                if chunk == nil { try parser.finish() }
            } catch {
                problem = errors.wrong(error, what)
            }
        }
        if let section = ready.popFirst() { return section }
        if let problem { throw problem }
        return nil
    }

    /// The first section, which has to be the block of `cid`; nil where there is none.
    func first(_ cid: CID) async throws(StorageError) -> CARSection? {
        let section: CARSection?
        do throws(StorageError) { section = try await next() } catch {
            // The host began to give it.
            throw error.ofWithholding
        }
        guard let section else { return nil }
        guard section.cid.hash == cid.hash else {
            throw errors.error(.corrupt, "\(errors.http.host) gave a CAR that begins with another block", what)
        }
        return section
    }
}
