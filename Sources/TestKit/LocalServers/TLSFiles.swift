internal import Foundation

/// The files of an authority, and of a certificate for this machine that it gave, in a folder.
package struct TLSFiles: Sendable {
    package let (authority, certificate, key): (String, String, String)
    /// The certificate and the key in one file.
    package let both: String

    /// Makes them.
    static func make(in folder: URL) async throws -> TLSFiles {
        guard let openssl = Programs.find("openssl") else { throw ServerProblem(message: "There is no openssl here.") }
        func path(_ name: String) -> String { folder.appending(path: name).path }
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=a test"]
        try Data("subjectAltName=IP:127.0.0.1\n".utf8).write(to: folder.appending(path: "names"))
        for words in [
            ["req", "-x509", "-days", "2", "-keyout", path("ca.key"), "-out", path("ca.crt")] + newKey,
            ["req", "-keyout", path("own.key"), "-out", path("own.csr")] + newKey,
            [
                "x509", "-req", "-in", path("own.csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"),
                "-CAcreateserial", "-days", "2", "-extfile", path("names"), "-out", path("own.crt"),
            ],
        ] {
            let made = try await ProcessRunner.run(openssl, words)
            guard made.code == 0 else { throw ServerProblem(message: "openssl: \(made.errorText)") }
        }
        let texts = try ["own.crt", "own.key"].map { try Data(contentsOf: folder.appending(path: $0)) }
        try (texts[0] + texts[1]).write(to: folder.appending(path: "both.pem"))
        return TLSFiles(
            authority: path("ca.crt"),
            certificate: path("own.crt"),
            key: path("own.key"),
            both: path("both.pem")
        )
    }
}
