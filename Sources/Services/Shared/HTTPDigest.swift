internal import Digests
internal import HTTPClient
internal import Storage

/// What a server asks for that wants a password proven by a digest (RFC 7616).
struct HTTPDigest: Sendable, Hashable {
    /// The value of `Authorization`, and the nonce that is in it.
    struct Proof: Sendable, Hashable {
        let value: String
        let nonce: String
    }

    let nonce: String
    private let realm: String
    private let opaque: String?
    private let algorithm: String
    /// Whether the proof is of a count and a number of ours, too; without, it is that of RFC 2069.
    private let hasQuality: Bool
    private let hidesUser: Bool

    /// The best first.
    private static let functions: [(name: String, function: HashFunction)] = [("SHA-256", .sha256), ("MD5", .md5)]

    /// The best of the challenges in the fields of a reply that is understood here; nil for none.
    static func best(_ fields: [String]) -> HTTPDigest? {
        let understood = HTTPChallenge.read(fields).compactMap { HTTPDigest($0) }
        return functions.lazy.compactMap { row in understood.first { $0.algorithm == row.name } }.first
    }

    private init?(_ challenge: HTTPChallenge) {
        let values = challenge.parameters
        let algorithm = values["algorithm"]?.uppercased() ?? "MD5"
        guard challenge.scheme == "digest", let realm = values["realm"], let nonce = values["nonce"], !nonce.isEmpty,
            Self.functions.contains(where: { $0.name == algorithm })
        else { return nil }
        let qualities = values["qop"]?.lowercased().split { $0 == "," || $0 == " " }
        guard qualities?.contains("auth") ?? true else { return nil }
        (self.realm, self.nonce, self.algorithm, opaque) = (realm, nonce, algorithm, values["opaque"])
        (hasQuality, hidesUser) = (qualities != nil, values["userhash"]?.lowercased() == "true")
    }

    private init(_ other: HTTPDigest, nonce: String) {
        (realm, opaque, algorithm) = (other.realm, other.opaque, other.algorithm)
        (hasQuality, hidesUser, self.nonce) = (other.hasQuality, other.hidesUser, nonce)
    }

    /// The same with the nonce that a server wants to see next (RFC 7616 §3.5).
    func with(nonce: String) -> HTTPDigest { HTTPDigest(self, nonce: nonce) }

    /// The proof for one request, the `count`th with this nonce; `own` is a number that nobody can guess.
    func proof(
        _ method: String,
        _ route: String,
        user: String,
        password: String,
        count: Int,
        own: String = hex(randomBytes(16))
    ) -> Proof {
        let (who, request) = (hash("\(user):\(realm):\(password)"), hash("\(method):\(route)"))
        let number = String(count, radix: 16)
        let order = String(repeating: "0", count: max(0, 8 - number.count)) + number
        let middle = hasQuality ? "\(nonce):\(order):\(own):auth" : nonce
        var parts = [
            name(of: user), "realm=\(Self.quoted(realm))", "nonce=\(Self.quoted(nonce))", "uri=\(Self.quoted(route))",
            "response=\"\(hash("\(who):\(middle):\(request)"))\"", "algorithm=\(algorithm)",
        ]
        if hasQuality { parts += ["qop=auth", "nc=\(order)", "cnonce=\(Self.quoted(own))"] }
        if let opaque { parts.append("opaque=\(Self.quoted(opaque))") }
        if hidesUser { parts.append("userhash=true") }
        return Proof(value: "Digest " + parts.joined(separator: ", "), nonce: nonce)
    }

    /// The user as the server wants to see him (RFC 7616 §3.4.4): hidden, or as an extended value where he is no ASCII.
    private func name(of user: String) -> String {
        if hidesUser { return "username=\"\(hash("\(user):\(realm)"))\"" }
        let isPlain = user.utf8.allSatisfy { $0 < 0x80 }
        return isPlain ? "username=\(Self.quoted(user))" : "username*=UTF-8''\(HTTPText.escaped(user))"
    }

    private func hash(_ text: String) -> String {
        let function = Self.functions.first { $0.name == algorithm }?.function ?? .md5
        return hex(digest(function, of: Array(text.utf8)))
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.unicodeScalars.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : "\($1)" } + "\""
    }
}

/// What the requests of a backend know of the digests that its server asks for.
struct HTTPDigestSession: Sendable {
    private struct State: Sendable {
        var digest: HTTPDigest?
        /// How many requests were made with the nonce: no two may have the same number (RFC 7616 §3.4).
        var count = 0
        /// Whether the server took a proof with it.
        var isAccepted = false
    }

    private let state = Locked(State())

    /// The proof for the next request; nil where nothing was asked for yet.
    func proof(_ method: String, _ route: String, user: String, password: String) -> HTTPDigest.Proof? {
        let (digest, count) = state.change { state in
            state.count += 1
            return (state.digest, state.count)
        }
        return digest?.proof(method, route, user: user, password: password, count: count)
    }

    /// Whether a request that was refused, and had a proof or none, is worth another one.
    ///
    /// A nonce may have grown old, of which the server says so or which it took before. A proof that it never took is
    /// of a wrong password, and to show another one would only lock the account.
    func learn(from reply: HTTPReply, after proof: HTTPDigest.Proof?) -> Bool {
        guard reply.status == 401, let digest = HTTPDigest.best(reply.headers.all("WWW-Authenticate")) else {
            return false
        }
        let isStale = HTTPChallenge.read(reply.headers.all("WWW-Authenticate")).contains { challenge in
            challenge.scheme == "digest" && challenge.parameters["stale"]?.lowercased() == "true"
        }
        return state.change { state in
            // Of two that were refused at once, the one has learnt what the other needs.
            if !isStale, let proof, let known = state.digest, known.nonce != proof.nonce { return true }
            guard proof == nil || isStale || state.isAccepted else { return false }
            if state.digest != digest { state = State(digest: digest) }
            return true
        }
    }

    /// Takes note of a proof that the server took, and of the nonce that it wants to see next.
    func note(_ reply: HTTPReply, on proof: HTTPDigest.Proof?) {
        guard let proof, reply.status != 401 else { return }
        let next = reply.headers["Authentication-Info"].flatMap { HTTPChallenge.values($0)["nextnonce"] }
        state.change { state in
            guard let digest = state.digest, digest.nonce == proof.nonce else { return }
            state.isAccepted = true
            guard let next, !next.isEmpty, next != digest.nonce else { return }
            state = State(digest: digest.with(nonce: next), isAccepted: true)
        }
    }
}
