internal import Multiformats
internal import Schema
internal import Storage

extension NodeConnection {
    /// Has a node answer from what it has itself: it does not look for content elsewhere.
    static let offline = (name: "offline", value: "true")

    /// Longer blocks are taken by nobody here.
    private static let longestBlock = 8 << 20

    /// How a node that may ask others, or may not, is asked for content.
    private func reach(_ isOffline: Bool) -> [(name: String, value: String)] { isOffline ? [Self.offline] : [] }

    /// The peer ID of the node.
    func identity() async throws(StorageError) -> String {
        let request = NodeRequest(what: "Asking for the node's identity", command: "id")
        guard let text = try await value(request)["ID"]?.string, text.utf8.count <= 256 else {
            throw errors.foreign(request)
        }
        return text
    }

    /// The CAR of everything below a root, of which the node must have all blocks: an end before that is an error.
    func export(_ root: CID, isOffline: Bool = true) async throws(StorageError) -> any ByteStream {
        var request = NodeRequest(what: "Reading \(root)", command: "dag/export", arguments: ["\(root)"], kind: .get)
        request.options = reach(isOffline) + [("progress", "false")]
        return try await open(request, mark: "X-Stream-Output").stream
    }

    /// A block that the node has, unverified; `notFound` where it says that it has none.
    func block(_ cid: CID, isOffline: Bool = true) async throws(StorageError) -> [UInt8] {
        var request = NodeRequest(what: "Reading the block \(cid)", command: "block/get", arguments: ["\(cid)"])
        (request.options, request.subject, request.kind) = (reach(isOffline), .block, .get)
        let stream = try await open(request, mark: "X-Stream-Output").stream
        return try await collect(policy.pacing(stream), limit: Self.longestBlock)
    }
}
