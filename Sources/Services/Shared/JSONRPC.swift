internal import HTTPClient
internal import Schema
internal import Storage

/// Calls of methods by JSON-RPC 2.0, each in an exchange of its own.
struct JSONRPC: Sendable {
    /// What was answered to a call.
    enum Answer: Sendable {
        case value(JSON)
        /// It is not done, and why, in words of the service.
        case refused(String)
    }

    let url: String
    let transport: HTTPTransport
    let failures: HTTPFailures
    /// The statuses with which the service refuses a call.
    let refusals: Set<Int>

    /// What each call is known by; there is one in each exchange.
    private static let identifier = "ipfs-kit"

    /// Calls a method, which may be called twice without harm.
    func call(_ method: String, _ parameters: [JSON], _ what: String) async throws(StorageError) -> Answer {
        let call: JSON = [
            "jsonrpc": "2.0", "id": .string(Self.identifier), "method": .string(method), "params": .array(parameters),
        ]
        let request = HTTPRequest(
            method: "POST",
            url: url,
            headers: [HTTPField(name: "Content-Type", value: "application/json")],
            body: .bytes(Array(call.compact.utf8)),
            isRepeatable: true
        )
        let reply: HTTPReply
        do throws(HTTPError) {
            reply = try await transport.exchange(request)
        } catch {
            throw failures.translate(what, error)
        }
        let isRefusal = refusals.contains(reply.status)
        guard reply.status == 200 || isRefusal, let value = try? JSON(reading: reply.body),
            value["id"]?.string == Self.identifier
        else { throw foreign(what) }
        if let result = value["result"], !isRefusal { return .value(result) }
        guard let message = value["error"]?["message"]?.string else { throw foreign(what) }
        return .refused(message)
    }

    /// The error for an answer that is not the service's.
    func foreign(_ what: String) -> StorageError {
        failures.foreign(what, "the answer is not what was expected; is \(failures.host) \(failures.kind)?")
    }
}
