import Foundation
import TestKit
import Testing

/// A simulator is held to what was recorded of the real service, each time that its tests run.
@Suite(.timeLimit(.minutes(3))) struct SimulatorTests {
    @Test(arguments: ["check.py", "check_content.py", "check_faults.py"])
    func `the simulator of Kubo does as Kubo did`(_ check: String) async throws {
        try Requirement.check("kubo-simulator", program: "python3")
        let python = try #require(Programs.python)
        let script = packageRoot.appending(path: "tools/simulators/kubo/\(check)").path
        let result = try await ProcessRunner.run(python, [script])
        #expect(result.code == 0, "\(result.text.suffix(2000))\(result.errorText.suffix(2000))")
    }
}
