@testable import Services
import Testing

/// A folder is listed once for all names in it, and again for one beside which something may have been left since.
@Suite struct LeftoversTests {
    private let left = Leftovers()
    private let listed = [".a.car.1.2.part", ".a.car.0.9.part", ".b.car.3.4.part", "a.car", ".hidden", ".x.part"]

    @Test func whatIsBesideANameIsTakenOnce() {
        #expect(left.take(beside: "/d/a.car", at: .zero) == nil)
        #expect(left.learn(listed, beside: "/d/a.car", at: .zero) == [".a.car.1.2.part", ".a.car.0.9.part"])
        #expect(left.take(beside: "/d/a.car", at: .seconds(1)) == [])
        #expect(left.take(beside: "/d/b.car", at: .seconds(1)) == [".b.car.3.4.part"])
        #expect(left.take(beside: "/d/c.car", at: .seconds(1)) == [])
        #expect(left.take(beside: "/e/c.car", at: .seconds(1)) == nil)
    }

    @Test func whatMayHaveBeenLeftSinceIsListedAgain() {
        _ = left.learn(listed, beside: "/d/a.car", at: .zero)
        left.note("/d/b.car")
        #expect(left.take(beside: "/d/b.car", at: .seconds(1)) == nil)
        #expect(left.learn([], beside: "/d/b.car", at: .seconds(1)) == [])
        #expect(left.take(beside: "/d/b.car", at: .seconds(2)) == [])
        #expect(left.take(beside: "/d/a.car", at: .seconds(62)) == nil)
    }
}
