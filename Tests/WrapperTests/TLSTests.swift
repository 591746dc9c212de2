import HTTPClient
import Storage
import TestKit
import Testing

/// Who is trusted, and how a client shows who it is.
@Suite(.timeLimit(.minutes(2))) struct TLSTests {
    private func code(_ server: TLSServer, _ change: (inout HTTPOptions) -> Void) async -> HTTPError.Code? {
        var options = HTTPOptions()
        options.usesEnvironmentProxy = false
        change(&options)
        do throws(HTTPError) {
            let reply = try await HTTPClient(options).exchange(HTTPRequest(method: "GET", url: server.endpoint + "/"))
            return reply.status == 200 ? nil : .unexpected
        } catch {
            return error.code
        }
    }

    @Test func `only an authority that is named is trusted`() async throws {
        let server = try await TLSServer.start()
        #expect(await code(server) { _ in } == .tls)
        #expect(await code(server) { $0.caFile = server.authority } == nil)
        #expect(await code(server) { $0.verifyTLS = false } == nil)
    }

    @Test func `a server that wants to know who asks is shown a certificate`() async throws {
        // The version in which the refusal comes before the end of the handshake.
        let server = try await TLSServer.start(["-Verify", "1", "-verify_return_error", "-tls1_2"])
        #expect(await code(server) { $0.caFile = server.authority } != nil)
        let answer = await code(server) { options in
            options.caFile = server.authority
            (options.clientCertificate, options.clientKey) = (server.certificate, server.key)
        }
        #expect(answer == nil)
    }

    @Test func `an older version than is wanted is not spoken`() async throws {
        let server = try await TLSServer.start(["-tls1_2"])
        for (version, expected) in [(nil, nil), (.v12, nil), (.v13, .tls)]
            as [(HTTPOptions.TLSVersion?, HTTPError.Code?)]
        {
            let answer = await code(server) { options in
                options.caFile = server.authority
                options.minimumTLS = version
            }
            #expect(answer == expected, "\(String(describing: version))")
        }
    }

    @Test func `a proxy that is named is asked, with its user and password`() async throws {
        let seen = Locked<String>("")
        let proxy = try SocketServer { connection in
            guard let (head, _) = connection.nextRequest() else { return }
            seen.change { $0 = head }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        var options = HTTPOptions()
        options.proxy = proxy.url.replacing("http://", with: "http://user:pass@")
        let request = HTTPRequest(method: "GET", url: "http://service.test/x")
        let reply = try await HTTPClient(options).exchange(request)
        #expect(reply.body == Array("ok".utf8))
        #expect(seen.read { $0 }.hasPrefix("GET http://service.test/x HTTP/1.1\r\n"))
        #expect(seen.read { $0 }.contains("Proxy-Authorization: Basic dXNlcjpwYXNz"))
    }
}
