internal import Foundation
internal import Testing

/// How much time of a processor a command takes; for the law that 8 × the input takes at most 16 × of it.
package enum CommandTime {
    /// What a start of the program may take, in seconds.
    private static let start = 0.05

    /// The seconds that a command of a user computes; fails the test unless it ends with 0.
    package static func of(_ words: [String], _ user: User) async throws -> Double {
        let kit = try #require(Programs.kit).path
        let quoted = ([kit] + words).map { "'\($0)'" }.joined(separator: " ")
        let script = "IPFS_KIT_HOME='\(user.home)' \(quoted) > /dev/null || exit 1; times"
        // Out of a file: one word of a command line has a limit that a script does not have.
        let file = "\(user.folder)/time-\(UUID().uuidString).sh"
        try write(Array(script.utf8), to: file)
        let text = try await user.shell(". '\(file)'")
        // The second line has the times of what the shell ran: 0m1.230s 0m0.040s.
        let times = text.split(separator: "\n").last?.split(separator: " ") ?? []
        return times.reduce(0) { sum, time in
            let parts = time.dropLast().split(separator: "m").compactMap { Double($0) }
            return sum + (parts.count == 2 ? parts[0] * 60 + parts[1] : .infinity)
        }
    }

    /// Whether a command over eight times the input took at most sixteen times as long.
    package static func isLinear(small: Double, large: Double) -> Bool { large <= 16 * max(small, start) }
}
