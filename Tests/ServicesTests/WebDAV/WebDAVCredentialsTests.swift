import Schema
import Storage
import Testing

@testable import Services

/// Who is told what of the one who asks.
struct WebDAVCredentialsTests {
    private func credentials(
        _ url: String = "https://cloud.example/dav",
        _ variables: [String: String] = [:],
        _ change: (inout WebDAVSettings) -> Void = { _ in }
    ) throws -> HTTPCredentials {
        var settings = WebDAVSettings()
        settings.url = url
        change(&settings)
        let target = try WebDAVTarget(settings) { variables[$0] }
        return try HTTPCredentials(settings, at: target.address) { variables[$0] }
    }

    @Test(arguments: [
        ("https://cloud.example", true), ("http://cloud.example", false), ("http://127.0.0.1:8080", true),
        ("http://localhost", true), ("http://[::1]:8080", true), ("http://[::1]", true), ("http://[::1:1]:80", false),
        ("http://127.0.0.1.evil.example", false), ("http://127.0.evil.example", false),
        ("http://localhost.evil.example", false),
    ])
    func whatIsSecretIsShownOnlyWhereNobodyListens(_ url: String, _ isPrivate: Bool) throws {
        func made(_ change: @escaping (inout WebDAVSettings) -> Void) -> HTTPCredentials? {
            try? credentials(url) { settings in
                (settings.user, settings.password) = ("me", "secret-4711")
                change(&settings)
            }
        }
        #expect((made { _ in }?.shown != nil) == isPrivate)
        #expect((made { $0.scheme = .basic } != nil) == isPrivate)
        #expect((made { ($0.user, $0.password, $0.token) = ("", "", "t0ken") } != nil) == isPrivate)
        #expect(made { $0.scheme = .digest }.map { $0.shown == nil } == true)
        // What comes back through a proxy has left this machine.
        let isShown = made { $0.http.proxy = "http://proxy.example:3128" }?.shown != nil
        #expect(isShown == url.hasPrefix("https"))
        // Who need not prove who he is may be anybody.
        let isBelieved = made { $0.http.verifyTLS = false }?.shown != nil
        #expect(isBelieved == (isPrivate && !url.hasPrefix("https")))
        for change: (inout WebDAVSettings) -> Void in [{ _ in }, { $0.scheme = .basic }] {
            let allowed = made { settings in
                settings.allowsPlain = true
                change(&settings)
            }
            #expect(allowed?.shown?.hasPrefix("Basic ") == true)
        }
    }

    @Test func anErrorShowsNothingAndSaysWhatHelps() throws {
        let error = #expect(throws: StorageError.self) {
            try credentials("http://cloud.example") { $0.token = "t0ken-4711" }
        }
        #expect(error?.code == .badSettings && error?.message.contains("plain_credentials") == true)
        #expect(error?.message.contains("4711") == false)
    }

    @Test func refusesWhatCanNeverBeRight() throws {
        let changes: [(inout WebDAVSettings) -> Void] = [
            { $0.url = "" }, { $0.url = "ftp://cloud.example" }, { $0.url = "https://cloud.example/a%4" },
            { $0.url = "https://me:you@cloud.example/" }, { ($0.user, $0.token) = ("me", "token") },
            { ($0.user, $0.password) = ("me:you", "x") }, { $0.token = "two words" },
            { ($0.user, $0.password) = ("me", "line\nline") }, { $0.password = "alone" },
            { ($0.token, $0.scheme) = ("token", .basic) }, { $0.scheme = .bearer },
            { ($0.user, $0.password, $0.scheme) = ("me", "x", .bearer) },
        ]
        for change in changes {
            let error = #expect(throws: StorageError.self) { try credentials(change) }
            #expect(error?.code == .badSettings)
        }
    }

    private func credentials(_ change: (inout WebDAVSettings) -> Void) throws -> HTTPCredentials {
        try credentials("https://cloud.example/dav", [:], change)
    }

    private func shown(_ user: String, _ password: String) -> String {
        "Basic " + HTTPText.base64(Array("\(user):\(password)".utf8))
    }

    /// Variables are those of one server, and are shown to no other.
    @Test func variablesAreReadWhereSettingsAreLeftOut() throws {
        let known = ["WEBDAV_URL": "https://cloud.example/dav", "WEBDAV_USERNAME": "me", "WEBDAV_PASSWORD": "x"]
        #expect(try credentials("", known).shown == shown("me", "x"))
        #expect(try credentials("https://cloud.example/other", known).shown == shown("me", "x"))
        #expect(try credentials("https://elsewhere.example/dav", known).shown == nil)
        let any = ["WEBDAV_USER": "a", "WEBDAV_PASSWORD": "b", "WEBDAV_TOKEN": "t"]
        #expect(try credentials("https://any.example", any) { $0.user = "a" }.shown == shown("a", ""))
        #expect(try credentials("", known) { $0.user = "you" }.shown == shown("you", ""))
        #expect(try credentials("", known) { $0.user = "me" }.shown == shown("me", "x"))
        #expect(try credentials("", known) { ($0.user, $0.password) = ("you", "y") }.shown == shown("you", "y"))
        #expect(try credentials("", known) { $0.token = "t" }.shown == "Bearer t")
        let token = ["WEBDAV_URL": "https://cloud.example/dav", "WEBDAV_TOKEN": "t"]
        #expect(try credentials("", token).shown == "Bearer t")
        #expect(try credentials("", token) { ($0.user, $0.password) = ("you", "y") }.shown == shown("you", "y"))
    }

    /// A URL serves anybody only where nobody is asked who he is.
    @Test func whatIsOpenToAllHasURLs() async throws {
        let values: [String: FieldValue] = ["url": .text("http://127.0.0.1:1/a b".replacing(" ", with: "%20"))]
        let open = try #require(try await Subject.open("webdav", values).objects)
        let object = try #require(ObjectName("cars/x.car"))
        let end = Timestamp(milliseconds: 0)
        #expect(try await open.url(object, until: end) == "http://127.0.0.1:1/a%20b/cars/x.car")
        let own = ["user": FieldValue.text("me"), "password": .text("secret")].merging(values) { one, _ in one }
        let closed = try #require(try await Subject.open("webdav", own).objects)
        let error = await #expect(throws: StorageError.self) { try await closed.url(object, until: end) }
        #expect(error?.code == .unsupported)
    }
}
