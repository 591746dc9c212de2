import HTTPClient
import Storage
import Testing

@testable import Services

/// What an ETag says of the bytes that it is of.
struct ETagTests {
    private static let written = "Sat, 28 Nov 2026 14:07:45 GMT"

    /// nginx 1.22 gives the second of the last change and the length, in hexadecimal, and Caddy 2 to the base of 36.
    @Test(arguments: [
        ("\"6b0ae031-7\"", "Sat, 28 Nov 2026 14:07:45 GMT", nil),
        ("\"6b0ae031-7\"", "Sat, 28 Nov 2026 14:07:46 GMT", nil),
        ("\"6b0ae031-7\"", nil, nil),
        ("\"6b0ae031-7\"", "Sat, 28 Nov 2026 14:07:47 GMT", "6b0ae031-7"),
        ("\"d41d8cd98f00b204e9800998ecf8427e-1795874865-7\"", "Sat, 28 Nov 2026 14:07:45 GMT", nil),
        ("\"tp7twx7\"", "Sat, 28 Nov 2026 14:07:45 GMT", nil),
        ("W/\"6b0ae031-7\"", "Sat, 28 Nov 2026 15:07:47 GMT", nil),
        ("\"7-64b9c0da12345\"", "Sat, 28 Nov 2026 14:07:45 GMT", "7-64b9c0da12345"),
        ("\"d41d8cd98f00b204e9800998ecf8427e\"", "Sat, 28 Nov 2026 14:07:45 GMT", "d41d8cd98f00b204e9800998ecf8427e"),
    ])
    func anETagOfASecondIsAVersionWhenThatIsOver(_ etag: String, _ date: String?, _ version: String?) {
        var fields = [HTTPField(name: "ETag", value: etag), HTTPField(name: "Last-Modified", value: Self.written)]
        if let date { fields.append(HTTPField(name: "Date", value: date)) }
        #expect(ObjectVersion(HTTPHeaders(fields))?.text == version)
    }
}
