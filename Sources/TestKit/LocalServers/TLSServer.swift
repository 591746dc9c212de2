internal import Foundation

/// A server that speaks TLS and answers every request with a page: `openssl s_server`, with an authority of its own.
package struct TLSServer: Sendable {
    /// `https://127.0.0.1:` and a port.
    package let endpoint: String
    /// The files of the authority, and of a certificate that it gave with its key.
    package let (authority, certificate, key): (String, String, String)

    /// Starts a server with these options; it runs until the test process ends.
    package static func start(_ options: [String] = []) async throws -> TLSServer {
        try Requirement.check("tls", program: "openssl")
        guard let openssl = Programs.find("openssl") else { throw ServerProblem(message: "There is no openssl here.") }
        let folder = try ServerProcess.newFolder("tls")
        let files = try await TLSFiles.make(in: folder)
        let words = ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", files.certificate, "-key", files.key]
        let trust = ["-CAfile", files.authority]
        let process = try ServerProcess(openssl, words + trust + options, folder: folder)
        let log = folder.appending(path: "log.txt")
        @Sendable func place() -> String? {
            let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").first { $0.hasPrefix("ACCEPT 127") }.map { String($0.dropFirst(7)) }
        }
        try await process.wait { place() != nil }
        guard let place = place() else { throw ServerProblem(message: "openssl told no port.") }
        return TLSServer(
            endpoint: "https://\(place)",
            authority: files.authority,
            certificate: files.certificate,
            key: files.key
        )
    }
}
