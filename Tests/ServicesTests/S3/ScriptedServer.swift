import Digests
import HTTPClient
import Schema
import Storage
import Testing

@testable import Services

let noon = Timestamp("2026-01-01T12:00:00Z") ?? Timestamp(milliseconds: 0)

/// A service that answers by a function and remembers what it was asked.
final class ScriptedServer: Sendable {
    typealias Answer = @Sendable (HTTPRequest, Int) throws(HTTPError) -> HTTPReply

    private let asked = Locked<[HTTPRequest]>([])
    private let answer: Answer

    init(_ answer: @escaping Answer) { self.answer = answer }

    var requests: [HTTPRequest] { asked.read { $0 } }
    var lines: [String] { requests.map { "\($0.method) \($0.url)" } }

    /// A request with all of its body.
    private static func received(_ request: HTTPRequest) async throws(HTTPError) -> HTTPRequest {
        guard case .stream(let length, let open) = request.body else { return request }
        var request = request
        var bytes: [UInt8] = []
        do {
            for try await chunk in open() { bytes += chunk }
        } catch {
            throw HTTPError(code: .bodyFailed, message: "The body failed.", cause: error)
        }
        guard bytes.count == length else {
            throw HTTPError(code: .bodyLengthMismatch, message: "The body has another length.")
        }
        request.body = .bytes(bytes)
        return request
    }

    func connection(
        type: String = "s3",
        endpoint: String = "http://s3.test",
        prefix: String = "",
        secret: String = "SK",
        token: String? = nil,
        timing: Timing = Timing(now: { noon.milliseconds }),
        gate: any ChangeGate = OpenGate(),
        retries: Int = 0
    ) throws -> S3Connection {
        var settings = S3Settings()
        settings.endpoint = endpoint
        settings.bucket = "bkt"
        settings.prefix = prefix
        let transport = HTTPTransport(
            exchange: { (request) async throws(HTTPError) in
                let request = try await Self.received(request)
                let number = self.asked.change { requests in
                    requests.append(request)
                    return requests.count
                }
                return try self.answer(request, number)
            },
            download: { (_) throws(HTTPError) in throw HTTPError(code: .unexpected, message: "No downloads here.") }
        )
        return S3Connection(
            target: try S3Target(settings, type: type, profile: [:], environment: { _ in nil }),
            credentials: AccessKeys(accessKeyID: "AK", secretAccessKey: secret, sessionToken: token),
            transport: transport,
            policy: policy(timing, retries: retries, gate: gate)
        )
    }

    func service(
        prefix: String = "",
        type: String = "s3",
        endpoint: String = "http://s3.test",
        part: Int = 5 << 20,
        timing: Timing = Timing(now: { noon.milliseconds }),
        gate: any ChangeGate = OpenGate(),
        retries: Int = 0,
        _ settings: S3Settings = S3Settings()
    ) throws -> S3Service {
        var settings = settings
        settings.parts.threshold = ByteCount(4 << 20)
        settings.parts.size = ByteCount(UInt64(part))
        let connection = try connection(
            type: type,
            endpoint: endpoint,
            prefix: prefix,
            timing: timing,
            gate: gate,
            retries: retries
        )
        return try S3Service(connection, settings)
    }
}

/// A policy with limits of its own, which waits no time.
func policy(_ timing: Timing, retries: Int, gate: any ChangeGate = OpenGate()) -> CallPolicy {
    var settings = OperationalSettings()
    settings.retryCount = retries
    var timing = timing
    timing.sleep = { _ in }
    return CallPolicy(backend: "s3", settings, timing: timing, gate: gate)
}

func reply(_ status: Int, _ headers: [String: String] = [:], _ body: String = "") -> HTTPReply {
    HTTPReply(
        status: status,
        headers: HTTPHeaders(headers.map { HTTPField(name: $0.key, value: $0.value) }),
        body: Array(body.utf8)
    )
}

func fault(_ code: String, _ more: String = "") -> String {
    "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>Said.</Message>\(more)</Error>"
}

func failure<Value>(_ work: () async throws -> Value) async -> StorageError? {
    do {
        _ = try await work()
        return nil
    } catch {
        return error as? StorageError
    }
}

func name(_ text: String) throws -> ObjectName { try #require(ObjectName(text)) }
