@testable import Policies
import Schema
import Testing

/// What rules ask of pins.
struct PinConditionTests {
    private static let day: Int64 = 86_400_000

    private func pin(
        _ name: String = "photos-2026",
        size: UInt64? = 5 << 20,
        days: Int64 = 10,
        metadata: JSON = .object([])
    ) -> PinFacts {
        PinFacts(
            name: name,
            metadata: metadata,
            size: size,
            createdAt: Timestamp(milliseconds: 100 * Self.day),
            now: Timestamp(milliseconds: (100 + days) * Self.day)
        )
    }

    @Test(arguments: [
        ("name = photos-2026", true), ("name = photos", false), ("name != photos", true), ("name ~ photos-*", true),
        ("name ~ *2026", true), ("name ~ ph?tos-*6", true), ("name !~ *", false), ("name ~ \"photos 2026\"", false),
        ("name = 'photos-2026'", true), ("name = \"photos-2026\"", true), ("name ~ 'photos\"*'", false),
        ("size = 5MiB", true), ("size > 5MiB", false), ("size >= 5MiB", true), ("size < 5MB", false),
        ("size != 5242880", false), ("age > 9d", true), ("age > 240h", false), ("age >= 240h", true),
        ("age < 2w", true), ("age <= 1.5w", true), ("age = 864000s", true), ("age > 1y", false), ("age<15min", false),
        ("name ~ photos-* and size > 1MiB", true), ("name = x and size > 1MiB", false),
        ("name = x or size > 1MiB", true),
        ("not name = x", true), ("not not name = x", false), ("not (name = x or size < 1GiB)", false),
        // What binds more: `not`, then `and`, then `or`.
        ("name = x and size = 0 or age > 1d", true), ("age > 1d or name = x and size = 0", true),
        ("(age > 1d or name = x) and size = 0", false), ("not name = x and age > 1d", true),
        ("not name = photos-2026 or age > 1d", true),
    ])
    func conditionsHoldOrNot(_ text: String, holds: Bool) throws {
        #expect(try PinCondition(text).holds(for: pin()) == holds)
    }

    /// Whatever is not known of one makes neither a test nor its opposite true; where it does not matter, it does not.
    @Test(
        arguments: [
            ("size > 1MiB", nil), ("not size > 1MiB", nil), ("size != 0", nil), ("size > 1MiB and name = x", false),
            ("name = x and size > 1MiB", false), ("size > 1MiB and name ~ p*", nil), ("size > 1MiB or name ~ p*", true),
            ("size > 1MiB or name = x", nil), ("not (size > 1MiB and name = x)", true),
        ] as [(String, Bool?)]
    )
    func whatIsNotKnownStaysSo(_ text: String, holds: Bool?) throws {
        #expect(try PinCondition(text).holds(for: pin(size: nil)) == holds)
    }

    @Test(arguments: [
        ("meta.project = moon", true), ("meta.project = Moon", false), ("meta.project ~ m*", true),
        ("meta.other = moon", false), ("meta.other != moon", true), ("meta.other > 0", false),
        ("meta.other ~ *", false),
        ("meta.count = 12", true), ("meta.count > 11.5", true), ("meta.count < 12", false), ("meta.done = true", true),
        ("meta.text > 9", true), ("meta.project > 1", false), ("meta.list = 1", false), ("meta.a.b = c", true),
    ])
    func metadataIsCompared(_ text: String, holds: Bool) throws {
        let metadata = JSON.object([
            JSON.Member("project", .string("moon")), JSON.Member("count", .integer(12)),
            JSON.Member("done", .bool(true)), JSON.Member("text", .string("10")),
            JSON.Member("list", .array([.integer(1)])), JSON.Member("a.b", .string("c")),
        ])
        #expect(try PinCondition(text).holds(for: pin(metadata: metadata)) == holds)
    }

    @Test(arguments: [
        ("", 1), ("name", 5), ("name =", 7), ("name = ", 8), ("= x", 1), ("name = x y", 10), ("name = x and", 13),
        ("size ~ 1", 8), ("size = big", 8), ("size = -1", 8), ("age = 3", 7), ("age = 3 d", 7), ("age > x", 7),
        ("name > x", 8), ("color = red", 1), ("meta. = 1", 1), ("meta.x > y", 10), ("(name = x", 10), ("name = x)", 9),
        ("name = \"x", 8), ("name = 'x", 8), ("not", 4), ("name = (", 8), ("name == x", 7), ("name ! x", 6),
        ("size > 1e400", 8),
    ])
    func whatIsNoneSaysWhere(_ text: String, place: Int) {
        let problem = #expect(throws: PinConditionProblem.self) { try PinCondition(text) }
        #expect(problem?.place == place, "\(problem?.description ?? "")")
    }

    /// What somebody else wrote costs no more than its length.
    @Test func boundsAreKept() throws {
        let deep = String(repeating: "(", count: 60) + "name = x" + String(repeating: ")", count: 60)
        #expect(try PinCondition(deep).holds(for: pin()) == false)
        #expect(throws: PinConditionProblem.self) { try PinCondition("(((((" + deep + ")))))") }
        #expect(throws: PinConditionProblem.self) {
            try PinCondition(String(repeating: "not ", count: 500) + "name = x")
        }
        #expect(throws: PinConditionProblem.self) { try PinCondition("name = " + String(repeating: "x", count: 5000)) }
        let stars = String(repeating: "*a", count: 2000)
        let name = String(repeating: "a", count: 20_000)
        #expect(try PinCondition("name ~ \(stars)b").holds(for: pin(name)) == false)
    }
}
