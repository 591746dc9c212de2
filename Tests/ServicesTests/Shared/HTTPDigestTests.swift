import HTTPClient
import Testing

@testable import Services

/// Passwords that are proven by digests, as RFC 7616 has it.
struct HTTPDigestTests {
    /// The challenges of RFC 7616 §3.9.1.
    private static let challenges = ["SHA-256", "MD5"].map { algorithm in
        """
        Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=\(algorithm), \
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
        """
    }
    private static let (sha256, md5) = (
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", "8ca523f5e9506fed4657c9700eebdbec"
    )

    private func answer(_ fields: [String], user: String = "Mufasa") -> String? {
        HTTPDigest.best(fields)?.proof(
            "GET",
            "/dir/index.html",
            user: user,
            password: "Circle of Life",
            count: 1,
            own: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
        ).value
    }

    @Test func provesAPasswordAsTheStandardDoes() throws {
        let proof = try #require(answer([Self.challenges[1]]))
        #expect(proof.hasPrefix("Digest ") && proof.contains("response=\"\(Self.md5)\""))
        let wanted = [
            "username=\"Mufasa\"", "realm=\"http-auth@example.org\"", "uri=\"/dir/index.html\"", "algorithm=MD5",
            "qop=auth", "nc=00000001", "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        ]
        for word in wanted { #expect(proof.contains(word), "\(word)") }
        #expect(answer([Self.challenges[0]])?.contains("response=\"\(Self.sha256)\"") == true)
    }

    /// In whatever order and form challenges come, the best that is understood is taken.
    @Test(arguments: [
        ["Basic realm=\"x\"", challenges[1], challenges[0]], [challenges[0], "Negotiate"],
        ["Basic realm=\"a, Digest b\", \(challenges[1]), \(challenges[0]), Negotiate abc=="],
        ["Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256, qop=\"auth\", \(challenges[0])"],
    ])
    func theBestChallengeIsTaken(_ fields: [String]) {
        #expect(answer(fields)?.contains(Self.sha256) == true)
    }

    @Test(arguments: [
        [], [""], ["Basic realm=\"x\""], ["Digest"], ["Digest realm=\"x\""], ["Digest realm=\"x\", nonce=\"\""],
        ["Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\""], ["Digest realm=\"x\", nonce=\"y\", algorithm=SHA-1"],
        ["Basic realm=\"x\", nonce=\"y\", algorithm=MD5"], ["Digest realm=\"x, nonce=y"],
        ["Digest realm=\"\(String(repeating: "x", count: 9000))\", nonce=\"y\""],
    ])
    func whatIsNotUnderstoodIsNotAnswered(_ fields: [String]) { #expect(answer(fields) == nil) }

    /// What SHA-256 gives was computed by Python's hashlib; RFC 7616 §3.9.2 has another function.
    @Test func usersMayBeHiddenOrHaveAnyName() throws {
        let plain = "Digest realm=\"api@example.org\", nonce=\"y\", algorithm=SHA-256, qop=\"auth\", charset=UTF-8"
        let hidden = "5a1a8a47df5c298551b9b42ba9b05835174a5bd7d511ff7fe9191d8e946fc4e7"
        let name = "J\u{E4}s\u{F8}n Doe"
        #expect(answer([plain], user: name)?.contains("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe,") == true)
        let proof = try #require(answer([plain + ", userhash=true"], user: name))
        #expect(proof.contains("username=\"\(hidden)\"") && proof.hasSuffix("userhash=true"))
        #expect(answer([plain], user: "a\"\u{301}\\")?.contains("username*=UTF-8''a%22%CC%81%5C") == true)
        #expect(answer([plain], user: "a\"b\\")?.contains(#"username="a\"b\\""#) == true)
    }

    // MARK: Sessions

    private func refusal(_ nonce: String, _ more: String = "") -> HTTPReply {
        let field = "Digest realm=\"x\", nonce=\"\(nonce)\", qop=\"auth\"\(more)"
        return HTTPReply(status: 401, headers: HTTPHeaders([.init(name: "WWW-Authenticate", value: field)]), body: [])
    }

    private func success(_ fields: [HTTPField] = []) -> HTTPReply {
        HTTPReply(status: 207, headers: HTTPHeaders(fields), body: [])
    }

    private func proof(_ session: HTTPDigestSession) -> HTTPDigest.Proof? {
        session.proof("GET", "/", user: "me", password: "secret")
    }

    /// No two requests have one number with one nonce (RFC 7616 §3.4), also those that are made at once.
    @Test func requestsAreCounted() async throws {
        let session = HTTPDigestSession()
        #expect(proof(session) == nil)
        #expect(session.learn(from: refusal("n1"), after: nil))
        let values = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<40 { group.addTask { proof(session)?.value } }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        let counts = values.compactMap { value in
            value?.firstRange(of: "nc=").map { value?[$0.upperBound...].prefix(8) }
        }
        let wanted = (1...40).map { number in
            let text = String(number, radix: 16)
            return String(repeating: "0", count: 8 - text.count) + text
        }
        #expect(Set(counts.compactMap(\.self).map(String.init)) == Set(wanted))
    }

    @Test func aNonceThatGrewOldIsReplaced() throws {
        let session = HTTPDigestSession()
        #expect(session.learn(from: refusal("n1"), after: nil))
        let first = try #require(proof(session))
        #expect(session.learn(from: refusal("n2", ", stale=TRUE"), after: first))
        // Who was under way with the old one has the new one from now on.
        #expect(session.learn(from: refusal("n3"), after: first))
        #expect(proof(session)?.nonce == "n2" && proof(session)?.value.contains("nc=00000002") == true)
        // A nonce that the server gives again has its numbers still; what is newest counts.
        #expect(session.learn(from: refusal("n2", ", stale=true"), after: first))
        #expect(proof(session)?.value.contains("nc=00000003") == true)
        #expect(session.learn(from: refusal("n4", ", stale=true"), after: first) && proof(session)?.nonce == "n4")
    }

    /// A wrong password is shown once, however often the server asks.
    @Test func aWrongPasswordIsNotShownAgain() throws {
        let session = HTTPDigestSession()
        #expect(session.learn(from: refusal("n1"), after: nil))
        let first = try #require(proof(session))
        #expect(!session.learn(from: refusal("n2"), after: first))
        // One that was right may be of a server that forgot its nonces.
        session.note(success(), on: first)
        #expect(session.learn(from: refusal("n2"), after: first))
        #expect(!session.learn(from: refusal("n3"), after: proof(session)))
        #expect(!session.learn(from: success(), after: nil))
    }

    @Test func theNextNonceIsTaken() throws {
        let session = HTTPDigestSession()
        #expect(session.learn(from: refusal("n1"), after: nil))
        let first = try #require(proof(session))
        let field = HTTPField(name: "Authentication-Info", value: "qop=auth, nextnonce=\"n2\", nc=00000001")
        session.note(success([field]), on: first)
        #expect(proof(session)?.nonce == "n2" && proof(session)?.value.contains("nc=00000002") == true)
        // What a late reply says counts no more.
        session.note(success([.init(name: "Authentication-Info", value: "nextnonce=\"n0\"")]), on: first)
        #expect(proof(session)?.nonce == "n2")
    }
}
