import Samples
import TestKit
import Testing

/// The list of pins, and what conditions leave of it.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(2))) struct PinListTests {
    private func names(_ user: User, _ words: String...) async throws -> Set<String> {
        let answer = try Answer.parse(try await user.attempt(["pin", "ls"] + words + ["--json"]).text)
        return Set(answer.pins.items.compactMap(\.name.text))
    }

    @Test func aConditionLeavesThoseForWhichItHolds() async throws {
        let user = try await User.ready()
        for (name, length) in [("photos-1", 3000), ("photos-2", 400_000), ("film", 500_000)] {
            try await user.add(sampleBytes(length), name: name)
        }
        #expect(try await names(user, "--where", "name ~ photos-*") == ["photos-1", "photos-2"])
        #expect(try await names(user, "--where", "name ~ photos-* and age < 1d", "--name", "2") == ["photos-2"])
        // How long a CAR is nobody knows before there is one.
        let early = try await user.json("pin", "ls", "--where", "size > 100KiB")
        #expect(early.pins.items.isEmpty && early.undecided.int == 3)
        try await user.createDisk("disk")
        try await user.run("sync")
        let late = try await user.json("pin", "ls", "--where", "size > 100KiB and not name = film")
        #expect(late.pins.items.compactMap(\.name.text) == ["photos-2"] && late.undecided.int == 0)
        let wrong = try await user.run("pin", "ls", "--where", "size > big", code: 2)
        #expect(wrong.errorText.contains("at character 8") && wrong.errorText.contains("big"), "\(wrong.errorText)")
    }
}
