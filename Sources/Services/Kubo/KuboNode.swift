internal import HTTPClient
package import Multiformats
internal import Schema
package import Storage

/// What a node says that it pins recursively.
package struct KuboPin: Sendable, Hashable {
    /// Nil for one that cannot be one of ours, such as one of a form that nobody knows here.
    package let cid: CID?
    /// The CID as the node writes it.
    package let text: String
    /// Empty where it has none.
    package let name: String
}

/// A Kubo node as a keeper of blocks and pins, by its RPC API.
///
/// The node is asked what it has itself: nothing here makes it look for content elsewhere.
package struct KuboNode: Sendable {
    let target: KuboTarget
    let connection: NodeConnection
    private let known = Locked<String?>(nil)

    /// The node that the settings lead to; throws `badSettings`, and sends nothing.
    package init(_ settings: KuboSettings, in context: ServiceContext) async throws(StorageError) {
        target = try await KuboTarget(settings, environment: context.environment)
        connection = try await NodeConnection(
            target.api,
            authorization: target.authorization,
            settings.http,
            silence: settings.pinTimeout,
            in: context
        )
    }

    private var policy: CallPolicy { connection.policy }

    private static let offline = NodeConnection.offline

    // MARK: The node

    /// The peer ID of the node, which is asked for once.
    package func identity() async throws(StorageError) -> String {
        if let identity = known.read({ $0 }) { return identity }
        return try await identityNow()
    }

    /// The same, asked for anew: another node may have come to stand where one stood.
    package func identityNow() async throws(StorageError) -> String {
        let identity = try await policy.run { () async throws(StorageError) in try await connection.identity() }
        known.change { $0 = identity }
        return identity
    }

    /// How much the node's repository holds, and how much it may before it is collected.
    package func usage() async throws(StorageError) -> Usage {
        var request = NodeRequest(what: "Asking how much is stored", command: "repo/stat")
        request.options = [("size-only", "true")]
        let prepared = request
        return try await policy.run { () async throws(StorageError) in
            let value = try await connection.value(prepared)
            guard let used = value["RepoSize"]?.natural else { throw connection.errors.foreign(prepared) }
            // Without a limit, the node tells the largest number there is.
            let room = value["StorageMax"]?.natural.flatMap { $0 < UInt64(Int64.max) ? $0 : nil }
            return Usage(used: used, free: room.map { $0 > used ? $0 - used : 0 })
        }
    }

    // MARK: Pins

    /// All recursive pins, with their names where these are wanted, in pages; the list is one request.
    package func pins(withNames: Bool) -> Pulled<[KuboPin]> {
        var request = NodeRequest(what: "Listing the pins", command: "pin/ls", kind: .page)
        request.options = [("type", "recursive"), ("stream", "true"), ("names", withNames ? "true" : "false")]
        let prepared = request
        let pages = jsonList(of: "pins", most: Self.maxPins) { () async throws(StorageError) in
            try await lines(of: prepared)
        }
        return Pulled {
            let pages = StreamCursor(pages)
            return { () async throws(StorageError) in
                try await pages.next()?.map { (value) throws(StorageError) in try pin(value, prepared) }
            }
        }
    }

    /// A list that goes on behind so many has no end.
    private static let maxPins = 50_000_000

    private func lines(of request: NodeRequest) async throws(StorageError) -> Pulled<[JSON]> {
        let read = try await policy.read("the list of pins", nil, version: nil, hasRanges: false) {
            (_, _) async throws(StorageError) in
            let stream = try await connection.open(request, mark: "X-Chunked-Output").stream
            return OpenObject(stream, length: nil, version: nil)
        }
        return jsonLines(read.stream) { connection.errors.foreign(request, $0) }
    }

    /// The pin that a line tells of.
    private func pin(_ value: JSON, _ request: NodeRequest) throws(StorageError) -> KuboPin {
        if let message = NodeErrors.message(in: value) { throw connection.errors.said(request, message) }
        guard let text = value["Cid"]?.string, value["Type"]?.string == "recursive" else {
            throw connection.errors.foreign(request)
        }
        return KuboPin(cid: try? CID(text), text: text, name: value["Name"]?.string ?? "")
    }

    /// Whether a root is pinned recursively, in the node's own words.
    package func isPinned(_ root: CID) async throws(StorageError) -> Bool {
        var request = NodeRequest(what: "Looking for \(root)", command: "pin/ls", arguments: ["\(root)"])
        (request.options, request.subject) = ([("type", "recursive")], .pin)
        let prepared = request
        do throws(StorageError) {
            return try await policy.run { () async throws(StorageError) in
                guard case .object(let keys)? = try await connection.value(prepared)["Keys"],
                    keys.contains(where: { Self.isSame($0.name, root) && $0.value["Type"]?.string == "recursive" })
                else { throw connection.errors.foreign(prepared) }
                return true
            }
        } catch  where error.code == .notFound {
            return false
        }
    }

    /// Unpins a root; one that is not pinned is no error.
    package func unpin(_ root: CID) async throws(StorageError) {
        var request = NodeRequest(what: "Unpinning \(root)", command: "pin/rm", arguments: ["\(root)"])
        (request.options, request.subject, request.kind) = ([("recursive", "true")], .pin, .delete)
        request.admission = policy.admission(.remove(root))
        let prepared = request
        do throws(StorageError) {
            try await policy.run { () async throws(StorageError) in
                let items = try await connection.value(prepared)["Pins"]?.items
                guard items?.contains(where: { $0.string.map { Self.isSame($0, root) } ?? false }) == true else {
                    throw connection.errors.foreign(prepared)
                }
            }
        } catch  where error.code == .notFound {}
    }

    // MARK: Content

    /// Sends a CAR, and has its root pinned: what the node does not say it pinned was not stored.
    package func load(_ car: Body, pinning root: CID) async throws(StorageError) {
        var request = NodeRequest(what: "Storing \(root)", command: "dag/import", kind: .put)
        // Our blocks may be larger than those that nodes exchange with each other.
        request.options = [("pin-roots", "true"), ("stats", "true"), ("allow-big-block", "true")]
        request.isSlow = true
        request.admission = policy.admission(.store(root))
        request.file = MultipartBody(policy.pacing(car), name: "\(root).car")
        let prepared = request
        try await policy.run { () async throws(StorageError) in
            let roots = try await connection.values(prepared).compactMap { $0["Root"] }
            guard roots.count == 1, let text = roots[0]["Cid"]?["/"]?.string, Self.isSame(text, root),
                let problem = roots[0]["PinErrorMsg"]?.string
            else { throw connection.errors.foreign(prepared, "the node did not say that it pinned the root") }
            if !problem.isEmpty { throw connection.errors.said(prepared, problem).ofUnknownOutcome }
        }
    }

    /// The CAR of everything below a root, of which the node must have all blocks: an end before that is an error.
    package func export(_ root: CID) async throws(StorageError) -> OpenObject {
        try await policy.read("\(root)", nil, version: nil, hasRanges: false) {
            (_, _) async throws(StorageError) in
            OpenObject(policy.pacing(try await connection.export(root)), length: nil, version: nil)
        }
    }

    /// A block that the node has, unverified; `notFound` where it says that it has none.
    package func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        try await policy.run { () async throws(StorageError) in try await connection.block(cid) }
    }

    /// The length of a block that the node has; `notFound` where it says that it has none.
    package func blockLength(_ cid: CID) async throws(StorageError) -> UInt64 {
        var request = NodeRequest(what: "Looking for the block \(cid)", command: "block/stat", arguments: ["\(cid)"])
        (request.options, request.subject) = ([Self.offline], .block)
        let prepared = request
        return try await policy.run { () async throws(StorageError) in
            let value = try await connection.value(prepared)
            guard let key = value["Key"]?.string, Self.isSame(key, cid), let size = value["Size"]?.natural else {
                throw connection.errors.foreign(prepared)
            }
            return size
        }
    }

    private static func isSame(_ text: String, _ cid: CID) -> Bool { (try? CID(text)) == cid }
}
