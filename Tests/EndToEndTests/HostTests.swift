import Foundation
import Samples
import TestKit
import Testing

/// Machines on which the libraries underneath behave otherwise than usual.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct HostTests {
    /// A host whose OpenSSL may use nothing but what an authority approved, and one whose configuration is broken.
    @Test(arguments: [
        "openssl_conf = s\n[s]\nalg_section = a\n[a]\ndefault_properties = fips=yes\n",
        "openssl_conf = s\n[s]\nproviders = p\n[p]\nnull = n\n[n]\nactivate = 1\n", "openssl_conf = [\n[[\n",
    ])
    func contentIsNamedWhateverTheHostApprovesOf(_ configuration: String) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        try await user.createS3("cloud", bucket)
        let plain = try await user.add(sampleBytes(100_000))
        let path = user.folder + "/openssl.cnf"
        try Data(configuration.utf8).write(to: URL(filePath: path))
        user.environment["OPENSSL_CONF"] = path
        #expect(try await user.add(sampleBytes(100_000), name: "again") == plain)
        try await user.add(sampleBytes(300, seed: 7), name: "other")
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 2)
    }

    /// A name server that takes a minute for each question.
    private static let slowNames = """
        #include <fcntl.h>
        #include <netdb.h>
        #include <stdlib.h>
        #include <unistd.h>
        int getaddrinfo(const char *a, const char *b, const struct addrinfo *c, struct addrinfo **d) {
          close(open(getenv("NAMES_ASKED"), O_CREAT | O_WRONLY, 0600));
          sleep(60);
          return EAI_AGAIN;
        }
        """

    @Test func aSlowNameServerHoldsUpNothing() async throws {
        var user = try await User.ready()
        user.environment["LD_PRELOAD"] = try await Preload.library(Self.slowNames)
        let asked = user.folder + "/asked"
        user.environment["NAMES_ASKED"] = asked
        let create = [
            "backend", "create", "cloud", "s3", "--endpoint", "http://slow.test:9", "--bucket", "b", "--access-key-id",
            "a", "--secret-access-key", "b", "--retry-count", "0", "--timeout", "1",
        ]
        #expect(try await user.attempt(create).code == 0)
        let result = try await user.attempt(["backend", "test", "cloud"], timeout: .seconds(30))
        #expect(!result.timedOut && result.code == 5, "\(result.code) \(result.errorText)")
        try await user.run("backend", "update", "cloud", "--timeout", "300")
        try FileManager.default.removeItem(atPath: asked)
        let running = try Running(user, "backend", "test", "cloud")
        try await running.wait { FileManager.default.fileExists(atPath: asked) }
        running.signal(SIGINT)
        let ended = Task { await running.end() }
        let isOver = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                _ = await ended.value
                return true
            }
            group.addTask { (try? await Task.sleep(for: .seconds(20))) == nil }
            defer { group.cancelAll() }
            return await group.next() == true
        }
        if !isOver { running.signal(SIGKILL) }
        #expect(isOver)
    }

    /// The clock on the wall is set back by an hour while a transfer waits for its turn.
    @Test func aClockThatIsSetBackHoldsUpNothing() async throws {
        var user = try await User.ready()
        let offset = user.folder + "/offset"
        user.environment = try await Preload.clock(user, offset: "0", path: offset)
        let disk = try await user.createDisk("disk", "--bandwidth-limit", "400KB")
        for number in 0..<4 { try await user.add(sampleBytes(400_000, seed: UInt64(number)), name: "f\(number)") }
        let running = try Running(user, "sync")
        try await running.wait { try Trees.files(in: disk).contains { $0.hasSuffix(".car") } }
        try Data("-3600".utf8).write(to: URL(filePath: offset))
        #expect(await running.end() == 0, "\(running.output)\(running.errors)")
    }
}
