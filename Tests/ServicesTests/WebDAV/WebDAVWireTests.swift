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
        return try WebDAVTarget(settings) { _ in nil }
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

    /// A name is what it is by its namespace, and not by its prefix or the lack of one.
    @Test func onlyWhatIsOfWebDAVCounts() throws {
        let body = """
            <multistatus xmlns="DAV:" xmlns:x="urn:x"><x:response><href>/dav/my%20files/x</href></x:response>
            <response><x:href>/dav/my%20files/no</x:href><href>/dav/my%20files/a</href><x:status>HTTP/1.1 403 X</x:status>
            <propstat><prop><x:getcontentlength>7</x:getcontentlength><x:resourcetype><collection/></x:resourcetype>
            <resourcetype><x:collection/></resourcetype><getcontentlength>300</getcontentlength></prop>
            <status>HTTP/1.1 200 OK</status></propstat></response></multistatus>
            """
        let entries = try #require(WebDAVEntry.read(Array(body.utf8), try target())).compactMap(\.self)
        #expect(entries.map(\.name) == ["a"] && entries.map(\.length) == [300] && entries.map(\.isFolder) == [false])
        for foreign in [
            body.replacing("\"DAV:\"", with: "\"DAV\""), body.replacing("xmlns=\"DAV:\"", with: ""),
            "<d:multistatus>\(response("/dav/my%20files/a", "<d:resourcetype/>"))</d:multistatus>",
        ] {
            #expect(WebDAVEntry.read(Array(foreign.utf8), try target()) == nil, "\(foreign)")
        }
    }

    // MARK: Places

    @Test(arguments: [
        ("https://c.example/remote.php/dav/files/me/backup", "https://c.example/remote.php/dav/uploads/me"),
        ("https://c.example/nc/remote.php/dav/files/me%40x/", "https://c.example/nc/remote.php/dav/uploads/me%40x"),
        ("https://c.example/remote.php/webdav/backup", nil), ("https://c.example/remote.php/dav/files/", nil),
        ("https://c.example/dav", nil),
    ])
    func chunksGoWhereTheCloudTakesThem(_ url: String, _ uploads: String?) throws {
        let found = try target { $0.url = url }.uploads
        #expect(found.map { $0.address.url($0.address.path) } == uploads)
    }
}
