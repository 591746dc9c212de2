internal import HTTPClient
internal import Storage

/// A request as the service that makes it sees it, before it is put into the form in which it is sent.
protocol HTTPCall: Sendable {
    /// What it is for, as the beginning of a sentence: “Storing cars/x”.
    var what: String { get }
    /// What it is counted as.
    var kind: CallKind { get }
    /// The change that it is a part of; nil for a request that changes nothing.
    var admission: Admission? { get }
}

/// A connection to an HTTP service: what is done with each request, whatever the service is.
///
/// A service says how its requests are sent, what its replies teach, and what its errors mean.
protocol HTTPConnection: Sendable {
    associatedtype Call: HTTPCall
    /// What one try of a call is made with, such as an address, a time or a token.
    associatedtype Terms
    /// What the reply to a try may teach; each lesson is learnt once by one call.
    associatedtype Lesson

    var policy: CallPolicy { get }
    var failures: HTTPFailures { get }

    /// What carries a call.
    func transport(for call: Call) -> HTTPTransport

    /// What the next try is made with, after what those before it taught.
    func terms(for call: Call, after lessons: [Lesson]) async throws(StorageError) -> Terms

    /// The request of one try.
    func request(_ call: Call, on terms: Terms) -> HTTPRequest

    /// What a reply that is no success teaches beside `lessons`, taken note of for other calls; nil for nothing.
    func lesson(
        from reply: HTTPReply,
        to call: Call,
        on terms: Terms,
        beside lessons: [Lesson]
    ) throws(StorageError) -> Lesson?

    /// Takes note of what a reply says for the requests that follow, whatever came of this one.
    func note(_ reply: HTTPReply, on terms: Terms)

    /// The error for a reply that is no success.
    func failure(_ call: Call, _ reply: HTTPReply) async -> StorageError
}

/// A reply, with its body still to come where that is what was asked for.
struct HTTPAnswer: Sendable {
    let reply: HTTPReply
    var download: HTTPDownload?
}

extension HTTPConnection {
    /// Sends a request and takes whatever the reply is.
    func exchange(_ call: Call) async throws(StorageError) -> HTTPReply {
        try await correcting(call) { (transport, request) async throws(HTTPError) in
            HTTPAnswer(reply: try await transport.exchange(request))
        }.reply
    }

    /// Sends a request and throws unless the service itself says that it was done.
    func success(_ call: Call) async throws(StorageError) -> HTTPReply {
        let reply = try await exchange(call)
        guard (200..<300).contains(reply.status), !HTTPFailures.isPage(reply.headers, reply.body) else {
            throw await failure(call, reply)
        }
        return reply
    }

    /// Sends a request for bytes; behind one of the `wanted` statuses they are still to come.
    func download(_ call: Call, wanted: Set<Int> = [200]) async throws(StorageError) -> HTTPAnswer {
        try await correcting(call) { (transport, request) async throws(HTTPError) in
            let download = try await transport.download(request)
            let isWanted = wanted.contains(download.status)
            // What follows an error is read only as far as an error reaches.
            let body = isWanted ? [] : (try? await download.body.collect(upTo: 64 << 10)) ?? []
            let reply = HTTPReply(status: download.status, headers: download.headers, body: body)
            return HTTPAnswer(reply: reply, download: isWanted ? download : nil)
        }
    }

    /// Sends a request, and sends it again when the reply taught something.
    private func correcting(
        _ call: Call,
        _ send: (HTTPTransport, HTTPRequest) async throws(HTTPError) -> HTTPAnswer
    ) async throws(StorageError) -> HTTPAnswer {
        var lessons: [Lesson] = []
        while true {
            try StorageError.checkCancellation()
            let terms = try await terms(for: call, after: lessons)
            try await call.admission?.renew()
            policy.count(call.kind)
            let answer: HTTPAnswer
            do throws(HTTPError) {
                answer = try await send(transport(for: call), request(call, on: terms))
            } catch {
                throw failures.translate(call.what, error)
            }
            note(answer.reply, on: terms)
            guard !(200..<300).contains(answer.reply.status),
                let lesson = try lesson(from: answer.reply, to: call, on: terms, beside: lessons)
            else { return answer }
            lessons.append(lesson)
        }
    }
}

extension HTTPConnection {
    /// Most services say nothing of the kind.
    func note(_ reply: HTTPReply, on terms: Terms) {}
}

extension HTTPConnection where Terms == Void, Lesson == Never {
    /// Nothing is learnt, so every try is made in the same way.
    func terms(for call: Call, after lessons: [Never]) {}

    /// Nothing is learnt.
    func lesson(from reply: HTTPReply, to call: Call, on terms: Void, beside lessons: [Never]) -> Never? { nil }
}
