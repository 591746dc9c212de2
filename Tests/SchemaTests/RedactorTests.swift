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

    private static let ascii = "pa/ss+w\"rd&<x>??>>42z"

    /// Writes each character of a text in another way.
    private static func escaped(_ text: String, _ form: (UInt8) -> String) -> String { text.utf8.map(form).joined() }

    /// How a text is written in JSON.
    private static func inJSON(_ text: String) -> String {
        (try? String(decoding: JSONEncoder().encode(text), as: UTF8.self)).map { String($0.dropFirst().dropLast()) }
            ?? ""
    }

    private static let inXML = "pa/ss+w&quot;rd&amp;&lt;x&gt;??&gt;&gt;42z"

    /// The forms of a text in which no character stands for itself, or that are those of others once more.
    static let escapes: [(String, String)] = [
        ("numbers of XML", escaped(ascii) { "&#\($0);" }),
        ("hexadecimal numbers of XML", escaped(ascii) { "&#x" + String($0, radix: 16) + ";" }),
        ("JSON", escaped(ascii) { "\\u00" + String(format: "%02X", $0) }),
        ("C", escaped(ascii) { "\\x" + String(format: "%02x", $0) }),
        ("a URL", escaped(ascii) { String(format: "%%%02x", $0) }),
        ("XML in JSON", inJSON(inXML)), ("JSON in JSON", inJSON(inJSON(ascii))),
        ("JSON in a URL", inJSON(ascii).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""),
        ("capital digits", escaped(ascii) { String(format: "%02X", $0) }),
        (
            "base64 of URLs",
            Data(ascii.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        ),
    ]

    @Test(arguments: escapes) func `a known secret does not come out however it is escaped`(name: String, form: String)
    {
        let redactor = Redactor()
        redactor.learn(Self.ascii)
        let text = redactor.clean("[\(form)]")
        // Base64 ends in characters that depend on what follows.
        #expect(
            text.hasPrefix("[\(Redactor.mark)") && text.utf8.count < Redactor.mark.utf8.count + 6,
            "\(name): \(text)"
        )
    }

    @Test(arguments: [(0, 12), (5, 12), (18, 14), (0, 31)]) func `a part of a secret does not come out`(
        start: Int,
        length: Int
    ) {
        let secret = "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0u"
        let redactor = Redactor()
        redactor.learn(secret)
        let part = String(secret.dropFirst(start).prefix(length))
        // As a message is cut, and as others write it who were sent it.
        for form in [part, "\(part)…", part.utf8.map { String(format: "%%%02X", $0) }.joined()] {
            #expect(
                redactor.clean("it says: \(form)") == "it says: \(Redactor.mark)" + (form.hasSuffix("…") ? "…" : "")
            )
        }
        let digits = secret.utf8.map { String(format: "%02x", $0) }.joined().dropFirst(start * 2).prefix(length * 2)
        #expect(redactor.clean("it says: \(digits)") == "it says: \(Redactor.mark)")
    }

    @Test(arguments: [true, false]) func `each line of a long value is a secret`(isSecret: Bool) {
        let redactor = Redactor()
        redactor.learn(replacement: "the-first-line-of-it\nline-no2\n", ofSecret: isSecret, fromFile: true)
        for line in ["the-first-line-of-it", "line-no2"] {
            #expect(!redactor.clean("it is \(line).").contains(line))
        }
    }

    static let patterns: [(String, String)] = [
        ("http://user:CANARY@127.0.0.1:9/x", "CANARY"), ("ftp://CANARYTOKEN@host", "CANARY"),
        ("socks5h://a:CANA@RY@host:1", "CANA"), ("socks5h://a:CANA@RY@host:1", "RY"),
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

    @Test(arguments: [
        ("x-amz-security-token: TOKENTOKEN+/==0123456789", "x-amz-security-token: "), ("key=abc and more", "key="),
        ("Cookie: a=b; c=d", "Cookie"), ("you sent TOKENTOK", "you sent "), ("tokentoken+/==0123456789", ""),
        ("Signature 5d672d79c15b13162d9279b0855cfba6", "Signature "), ("TOKEN\u{200B}TOKEN+/==", ""),
    ]) func `a service's sentence is repeated without what it may have been sent`(text: String, start: String) {
        let redactor = Redactor()
        redactor.learn("TOKENTOKEN+/==0123456789")
        let clean = redactor.clean(echo: text)
        #expect(clean == start + Redactor.mark + (text.hasSuffix("more") ? " and more" : ""))
    }

    /// Amazon writes the bytes that it was sent as digits with blanks between them.
    @Test(arguments: [" ", ":", "-", ", ", "\n"]) func `digits with gaps do not come out`(gap: String) {
        let redactor = Redactor()
        redactor.learn("Tk9qZvLm8Xw2Jr5Hd7Bn4Yc6Ra1")
        let digits = "Tk9qZvLm8Xw2Jr5Hd7Bn4Yc6Ra1".utf8.map { String(format: "%02x", $0) }
        let clean = redactor.clean(echo: "the bytes were \(digits.joined(separator: gap)), you know")
        for number in 0..<digits.count - 3 {
            #expect(!clean.contains(digits[number..<number + 3].joined(separator: gap)), "\(clean)")
        }
        #expect(clean.hasPrefix("the bytes were ") && clean.hasSuffix("you know"))
    }

    @Test func `a plain sentence of a service's stays, and a long one is cut`() {
        let redactor = Redactor()
        redactor.learn("wJalrXUtnFEMI/K7MDENG")
        for said in ["The security token is invalid", "The Content-MD5 is missing", "Key cars/a.car is locked: wait"] {
            #expect(redactor.clean(echo: said) == said)
        }
        #expect(redactor.clean(echo: String(repeating: "x\u{1B}", count: 100_000)).utf8.count <= 4096)
    }

    /// A password may be a word that stands in the names of others.
    @Test(arguments: ["word", "tok", "pass"]) func `a secret does not hide where another one stands`(secret: String) {
        let redactor = Redactor()
        redactor.learn(secret)
        let text = "see https://h/?password=CANARY&token=CANARY"
        #expect(!redactor.clean(text).contains("CANARY"))
        #expect(!redactor.clean(echo: text).contains("CANARY"))
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

    @Test(arguments: [
        ("u:p@h:9000", true), ("u@h", true), ("https://h/?key=p", true), ("h/#p", true), ("h:9000", false),
        ("https://h:9000/path", false), ("${HOST:-a@b}:1/", false), ("${A}u:p@${B}", true), ("${A", false),
    ]) func `users and queries in addresses are found`(text: String, expected: Bool) {
        #expect(Redactor.hasCredentials(text, isAddress: true) == expected)
    }
}
