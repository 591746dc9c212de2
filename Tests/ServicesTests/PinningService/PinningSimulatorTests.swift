import Foundation
import TestKit
import Testing

/// The simulator of a pinning service is held to what others sent to one, each time that its tests run.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct PinningSimulatorTests {
    /// By what Kubo's client sent and was answered, and by the client of tus for Python.
    @Test(arguments: ["check.py", "check_tus.py"])
    func `the simulator answers as recorded, and as official clients want it`(_ check: String) async throws {
        try Requirement.check("pinning-simulator", program: "python3")
        let python = try #require(Programs.python)
        let script = packageRoot.appending(path: "tools/simulators/pinning_service/\(check)").path
        let result = try await ProcessRunner.run(python, [script])
        #expect(result.code == 0, "\(result.text.suffix(2000))\(result.errorText.suffix(2000))")
    }
}
