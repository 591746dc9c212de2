import Foundation
import TestKit
import Testing

/// A simulator is held to what was recorded of the real service, each time that its tests run.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct SimulatorTests {
    @Test(arguments: ["check.py", "check_content.py", "check_faults.py"])
    func `the simulator of Kubo does as Kubo did`(_ check: String) async throws {
        try Requirement.check("kubo-simulator", program: "python3")
        let python = try #require(Programs.python)
        let script = packageRoot.appending(path: "tools/simulators/kubo/\(check)").path
        let result = try await ProcessRunner.run(python, [script])
        #expect(result.code == 0, "\(result.text.suffix(2000))\(result.errorText.suffix(2000))")
    }

    /// The archives that the requests are about are public, and not in the tree.
    @Test func `the simulator of a gateway does as Kubo did`() async throws {
        let fixtures = try PublicFixtures.folder()
        let python = try #require(Programs.python)
        let script = packageRoot.appending(path: "tools/simulators/gateway/check.py").path
        let result = try await ProcessRunner.run(python, [script, fixtures])
        #expect(result.code == 0, "\(result.text.suffix(2000))\(result.errorText.suffix(2000))")
        #expect(result.text.contains("142 agree"))
    }

    /// No cluster could be had: this holds the simulator to what is known of one.
    @Test func `the simulator of a cluster does as its page says`() async throws {
        try Requirement.check("cluster-simulator", program: "python3")
        let python = try #require(Programs.python)
        let script = packageRoot.appending(path: "tools/simulators/ipfs_cluster/check.py").path
        let result = try await ProcessRunner.run(python, [script])
        #expect(result.code == 0, "\(result.text.suffix(2000))\(result.errorText.suffix(2000))")
    }
}
