import Foundation
import Schema
import Testing

/// Secrets in texts of others: whatever form they stand in, they do not come out.
@Suite struct RedactorTests {
    private static let secret = "pa/ss+w\"rd&<x> 42ü"

    /// The forms as other code makes them.
    static let forms: [(String, String)] = [
        ("plain", secret),
        ("in a URL", secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""),
        ("in a path of a URL", secret.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? ""),
        ("in base64", Data(secret.utf8).base64EncodedString()),
        ("behind a user in base64", Data("user:\(secret)".utf8).base64EncodedString()),
        ("among others in base64", Data("ab\(secret)cdef".utf8).base64EncodedString()),
        ("in hexadecimal digits", secret.utf8.map { String(format: "%02x", $0) }.joined()),
        ("in JSON", (try? String(decoding: JSONEncoder().encode(secret), as: UTF8.self)) ?? ""),
        ("in XML", "pa/ss+w&quot;rd&amp;&lt;x&gt; 42ü"), ("in capitals", secret.uppercased()),
        (
            "in capitals in a URL",
            (secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "").uppercased()
        ),
        ("in capitals of hexadecimal digits", secret.utf8.map { String(format: "%02X", $0) }.joined()),
    ]

    @Test(arguments: forms) func `a known secret does not come out`(name: String, form: String) {
        let redactor = Redactor()
        redactor.learn(Self.secret + "\n")
        let text = redactor.clean("the server says: <\(form)> and more")
        #expect(text.hasPrefix("the server says: ") && text.hasSuffix("and more"), "\(text)")
        #expect(text.contains(Redactor.mark), "\(name): \(text)")
        // Nothing of it is left that could be put together again.
        let rest = form.dropFirst(12).prefix(8)
        #expect(rest.count < 8 || !text.contains(rest), "\(name): \(text)")
    }

    static let patterns: [(String, String)] = [
        ("http://user:CANARY@127.0.0.1:9/x", "CANARY"), ("ftp://CANARYTOKEN@host", "CANARY"),
        ("socks5h://a:CANA@RY@host:1", "CANA"),
        ("AWS4-HMAC-SHA256 Credential=AK/2026, Signature=0123456789abcdefCANARY", "CANARY"),
        ("?X-Amz-Signature=CANARY0123456789abcd&x=1", "CANARY"),
        ("Authorization: Bearer CANARY.abcdefghijkl", "CANARY"),
        ("authorization: basic Q0FOQVJZOnBhc3N3b3Jk", "Q0FO"),
        ("x-amz-security-token: CANARY0123456789", "CANARY"), ("user:CANARY@s3.example.org/x", "CANARY"),
        ("“user:CANARY@[::1]:9000”", "CANARY"), ("endpoint=a.b:CAN@ARY@h", "CAN"),
        ("http://h/?password=CANARY", "CANARY"),
        ("http://h/?a=b&X-Amz-Signature=CANARY&c=d", "CANARY"), ("http://h/#access_token=CANARY", "CANARY"),
        ("?X-Amz-Security-Token=CANARY", "CANARY"), ("h/?sig=CANARY%2F", "CANARY"),
    ]

    @Test(arguments: patterns) func `what looks like a secret does not come out either`(text: String, canary: String) {
        let clean = Redactor().clean("failed: \(text) (try again)")
        #expect(!clean.contains(canary), "\(clean)")
        #expect(clean.hasPrefix("failed: ") && clean.hasSuffix("(try again)"))
    }

    @Test func `other texts stay as they are`() {
        let redactor = Redactor()
        redactor.learn("abc")
        redactor.learn("a")
        redactor.learn("")
        for text in [
            "abcd, dabc and a_abc are other words", "a bird", "mailto:me@example.org", "git@example.org:kit.git",
            "at 12:30:05 @ home", "/mnt/disk:1@x", "http://h/?list-type=2&continuation-token=abcdef", "“a:b”",
            "h?password=",
            "http://host/path@x", "Basic rules apply", "a bearer of news",
            "3 pins @ 4",
            "", "••••", "https://example.org:8080/a?b=c@d",
        ] {
            #expect(redactor.clean(text) == text)
        }
    }

    @Test(arguments: [
        ("the key abc is wrong", "abc"), ("“abc”", "abc"), ("key=abc", "abc"), ("abc", "abc"), ("“ab” is wrong", "ab"),
        ("{\"key\": \"x\"}", "x"),
    ]) func `a short secret does not come out as a word of its own`(text: String, secret: String) {
        let redactor = Redactor()
        redactor.learn(secret)
        #expect(redactor.clean(text) == text.replacing(secret, with: Redactor.mark, maxReplacements: 9))
    }

    @Test func `what was cleaned is clean`() {
        for (text, _) in Self.patterns {
            let once = Redactor().clean(text)
            #expect(Redactor().clean(once) == once)
            #expect(!Redactor.hasCredentials(once))
        }
    }

    @Test func `the longest secret goes first, and names of members stay`() {
        let redactor = Redactor()
        redactor.learn("status")
        redactor.learn("status-and-more")
        #expect(redactor.clean("x status-and-more y") == "x \(Redactor.mark) y")
        let json: JSON = ["status": "the status", "list": ["status", 3, .null, ["a": "no"]]]
        #expect(redactor.clean(json).compact == #"{"status":"the ••••","list":["••••",3,null,{"a":"no"}]}"#)
    }

    @Test func `passwords of proxies are known, as they stand there and unescaped`() {
        let redactor = Redactor()
        let variables = ["http_proxy": "http://user:p%40ssw0rd@host:1", "HTTPS_PROXY": "bob:an0ther@host"]
        redactor.learnProxies { variables[$0] }
        for secret in ["p%40ssw0rd", "p@ssw0rd", "an0ther", "user:p%40ssw0rd"] {
            #expect(!redactor.clean("proxy said \(secret)").contains(secret))
        }
    }

    @Test(arguments: [
        ("short", false, false, true), ("longer-word", false, false, false), ("/mnt/backup/disk", false, false, true),
        ("short", true, false, false), ("short", false, true, false),
    ]) func `replacements are secrets unless they are plain words or paths`(
        value: String,
        isSecret: Bool,
        isFromFile: Bool,
        isShown: Bool
    ) {
        let redactor = Redactor()
        redactor.learn(replacement: value, ofSecret: isSecret, fromFile: isFromFile)
        #expect(redactor.clean("it is \(value).").contains(value) == isShown)
    }

    @Test(arguments: [
        ("http://u:p@h", true), ("https://u@h/x", true), ("h:9000", false), ("http://h/@x", false), ("a@b", false),
        ("user:pw@h:9000", true), ("h?password=x", true), ("https://h/?X-Amz-Signature=ab", true),
        ("backup:2026", false),
        ("https://••••@h", false), ("h/?password=••••", false), ("a:b@", false), ("prefix/a=b", false),
    ]) func `users in URLs are found`(text: String, expected: Bool) {
        #expect(Redactor.hasCredentials(text) == expected)
    }
}
