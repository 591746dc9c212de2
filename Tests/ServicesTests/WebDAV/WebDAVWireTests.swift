import HTTPClient
import Storage
import Testing

@testable import Services

/// What goes over the wire, without a server.
struct WebDAVWireTests {
    private func target(_ change: (inout WebDAVSettings) -> Void = { _ in }) throws -> WebDAVTarget {
        var settings = WebDAVSettings()
        settings.url = "https://cloud.example/dav/my%20files/"
        change(&settings)
        return try WebDAVTarget(settings)
    }

    // MARK: Lists

    private func list(_ responses: String) -> [UInt8] {
        Array("<?xml version=\"1.0\"?>\n<d:multistatus xmlns:d=\"DAV:\">\(responses)</d:multistatus>".utf8)
    }

    private func response(_ reference: String, _ properties: String, _ status: Int = 200) -> String {
        """
        <d:response><d:href>\(reference)</d:href><d:propstat><d:prop>\(properties)</d:prop>\
        <d:status>HTTP/1.1 \(status) X</d:status></d:propstat></d:response>
        """
    }

    @Test func readsNamesHoweverTheyAreWritten() throws {
        let references = [
            "/dav/my%20files/": "", "/dav/my%20files": "", "https://cloud.example/dav/my%20files/a/": "a",
            "/dav/my%20files/b%2Bc": "b+c", "/dav/%6dy%20files/d": "d", "\n /dav/my%20files/e \n": "e",
        ]
        for (reference, name) in references {
            let entries = WebDAVEntry.read(list(response(reference, "<d:resourcetype/>")), try target())
            #expect(entries?.map { $0?.name } == [name], "\(reference)")
        }
        for reference in ["/dav/other", "/dav/my%20filesystem", "/dav/my%20files/%E2%82", "/dav/my%20files/%4", ""] {
            let entries = WebDAVEntry.read(list(response(reference, "<d:resourcetype/>")), try target())
            #expect(entries?.map { $0?.name } == [nil], "\(reference)")
        }
    }

    @Test func takesOnlyWhatTheServerHas() throws {
        let file = """
            <d:response xmlns:l="DAV:"><d:href>/dav/my%20files/a</d:href>
            <d:propstat><d:prop><l:resourcetype/><l:getcontentlength> 300 </l:getcontentlength></d:prop>
            <d:status>HTTP/1.1 200 OK</d:status></d:propstat>
            <d:propstat><d:prop><d:quota-available-bytes>7</d:quota-available-bytes></d:prop>
            <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
            """
        let folder = response(
            "/dav/my%20files/b/",
            "<d:resourcetype><d:collection/></d:resourcetype><d:getcontentlength>4096</d:getcontentlength>"
                + "<d:quota-available-bytes>-3</d:quota-available-bytes>"
        )
        let gone = "<d:response><d:href>/dav/my%20files/c</d:href><d:status>HTTP/1.1 404 X</d:status></d:response>"
        let entries = try #require(WebDAVEntry.read(list(file + folder + gone), try target())).compactMap(\.self)
        #expect(entries.map(\.name) == ["a", "b"])
        #expect(entries.map(\.length) == [300, nil])
        #expect(entries.map(\.isFolder) == [false, true])
        #expect(entries.map(\.free) == [nil, nil])
    }

    @Test func whatLacksSomethingIsNoList() throws {
        let whole = response("/dav/my%20files/a", "<d:resourcetype/>")
        let refused = "<d:response><d:href>/dav/my%20files/c</d:href><d:status>HTTP/1.1 403 X</d:status></d:response>"
        let broken = [
            list(whole + refused), list(whole + "<d:response><d:href>/dav/my%20files/b</d:href></d:response>"),
            list(whole + response("/dav/my%20files/b", "<d:resourcetype/>", 403)), Array(list(whole).dropLast(20)),
            Array("<multistatus>\(whole)".utf8), Array("<html/>".utf8), [],
        ]
        for body in broken {
            #expect(WebDAVEntry.read(body, try target()) == nil, "\(String(decoding: body, as: UTF8.self))")
        }
    }

    // MARK: Who asks

    @Test func aPasswordIsShownOnlyWhereNobodyListens() throws {
        let cases: [(String, WebDAVSettings.Scheme, Bool)] = [
            ("https://cloud.example", .auto, true), ("http://cloud.example", .auto, false),
            ("http://127.0.0.1:8080", .auto, true), ("http://localhost", .auto, true),
            ("http://[::1]:8080", .auto, true), ("http://[::1]", .auto, true), ("http://[::1:1]:80", .auto, false),
            ("http://127.0.0.1.evil.example", .auto, false), ("http://127.0.evil.example", .auto, false),
            ("https://cloud.example", .digest, false),
            ("http://cloud.example", .basic, true),
        ]
        for (url, scheme, isShown) in cases {
            let made = try target { ($0.url, $0.scheme, $0.user, $0.password) = (url, scheme, "me", "secret-4711") }
            #expect((made.authorization != nil) == isShown, "\(url) \(scheme)")
        }
    }

    @Test func refusesWhatCanNeverBeRight() throws {
        let changes: [(inout WebDAVSettings) -> Void] = [
            { $0.url = "" }, { $0.url = "ftp://cloud.example" }, { $0.url = "https://cloud.example/a%4" },
            { ($0.user, $0.token) = ("me", "token") }, { ($0.user, $0.password) = ("me:you", "x") },
            { $0.token = "two words" }, { ($0.user, $0.password) = ("me", "line\nline") }, { $0.password = "alone" },
        ]
        for change in changes {
            let error = #expect(throws: StorageError.self) { try target(change) }
            #expect(error?.code == .badSettings)
        }
    }

    /// The example of RFC 2617 (§3.5); what SHA-256 gives was computed by Python's hashlib.
    @Test func provesAPasswordAsTheStandardDoes() throws {
        func field(_ algorithm: String) -> String {
            """
            Digest realm="testrealm@host.com", qop="auth, auth-int", algorithm=\(algorithm), \
            nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"
            """
        }
        func proof(_ fields: [String]) -> String? {
            WebDAVDigest.best(fields)?.authorization(
                "GET",
                "/dir/index.html",
                user: "Mufasa",
                password: "Circle Of Life",
                count: 1,
                own: "0a4f113b"
            )
        }
        let (md5, sha256) = (
            "6629fae49393a05397450978507c4ef1", "5abdd07184ba512a22c53f41470e5eea7dcaa3a93a59b630c13dfe0a5dc6e38b"
        )
        #expect(proof([field("MD5")])?.contains("response=\"\(md5)\"") == true)
        #expect(proof(["Basic realm=\"x\"", field("MD5"), field("SHA-256")])?.contains(sha256) == true)
        #expect(proof([field("SHA-512-256")]) == nil)
        #expect(proof(["Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\""]) == nil)
        #expect(proof(["Basic realm=\"x\""]) == nil)
    }
}
