internal import HTTPClient
internal import Schema
internal import Storage

/// Calls of a daemon; no call takes longer than one is patient, and nothing is tried twice here: a download is a few
/// hundred of them, and counts as one.
struct Aria2Connection: Sendable {
    let errors: Aria2Errors
    private let rpc: JSONRPC
    /// What stands before the parameters of each call.
    private let token: [JSON]

    /// The daemon at an address, reached as `options` say.
    init(_ address: HTTPAddress, secret: String, _ options: HTTPOptions) {
        var options = options
        options.totalTimeout = options.stallTimeout
        // What is asked for are a few numbers and a sentence.
        options.maxReplyBytes = 256 << 10
        // What is on this machine is reached by no proxy that only the environment names.
        if address.isOnThisMachine { options.usesEnvironmentProxy = false }
        token = secret.isEmpty ? [] : [.string("token:\(secret)")]
        errors = Aria2Errors(HTTPFailures(host: address.host, kind: "the JSON-RPC interface of aria2"))
        rpc = JSONRPC(
            url: address.url(address.path),
            transport: HTTPTransport(HTTPClient(options)),
            failures: errors.http,
            refusals: [400]
        )
    }

    /// Calls a method; `what` is the beginning of a sentence for what it is a part of.
    func call(_ method: String, _ parameters: [JSON], _ what: String) async throws(StorageError) -> JSONRPC.Answer {
        try allowed(try await rpc.call("aria2.\(method)", token + parameters, what), what)
    }

    /// Calls methods one after another in one exchange; gives an answer for each.
    func calls(
        _ calls: [(method: String, parameters: [JSON])],
        _ what: String
    ) async throws(StorageError) -> [JSONRPC.Answer] {
        let list = calls.map { call -> JSON in
            ["methodName": .string("aria2.\(call.method)"), "params": .array(token + call.parameters)]
        }
        guard case .value(let value) = try await rpc.call("system.multicall", [.array(list)], what),
            let items = value.items, items.count == calls.count
        else { throw foreign(what) }
        var answers: [JSONRPC.Answer] = []
        for item in items {
            if let value = item.items?.first {
                answers.append(.value(value))
            } else if let message = item["message"]?.string {
                answers.append(try allowed(.refused(message), what))
            } else {
                throw foreign(what)
            }
        }
        return answers
    }

    /// Throws where it says that nobody may call it who has no other secret.
    private func allowed(_ answer: JSONRPC.Answer, _ what: String) throws(StorageError) -> JSONRPC.Answer {
        guard case .refused("Unauthorized") = answer else { return answer }
        let reason = "the daemon asks for another secret; set credentials.rpc_secret to its rpc-secret"
        throw errors.http.error(.badCredentials, reason, what)
    }

    /// The error for an answer that is not a daemon's.
    func foreign(_ what: String) -> StorageError { rpc.foreign(what) }
}

/// How far a download has come, as a daemon says.
struct Aria2Status: Sendable {
    enum State: String, Sendable { case active, waiting, paused, error, complete, removed }

    let state: State
    /// The length of the whole, in bytes; 0 where the server says nothing of it, or nothing yet.
    let total: UInt64
    /// How many bytes came.
    let completed: UInt64
    /// How many of them were compared with the digest.
    let verified: UInt64
    /// Why it came to nothing: a number, and a sentence for people.
    let failure: (code: Int, message: String)?

    /// What is asked for.
    static let keys: JSON = [
        "status", "totalLength", "completedLength", "verifiedLength", "errorCode", "errorMessage",
    ]

    /// Reads what is said of one, in which numbers are texts; nil where it cannot be that.
    init?(_ value: JSON) {
        guard let state = value["status"]?.string.flatMap(State.init),
            let total = value["totalLength"]?.string.flatMap({ UInt64($0) }),
            let completed = value["completedLength"]?.string.flatMap({ UInt64($0) })
        else { return nil }
        (self.state, self.total, self.completed) = (state, total, completed)
        verified = value["verifiedLength"]?.string.flatMap { UInt64($0) } ?? 0
        failure = value["errorCode"]?.string.flatMap { Int($0) }.map { ($0, value["errorMessage"]?.string ?? "") }
    }
}
