import Storage
import TestKit
import Testing

/// Who does not answer is left alone after a few times, and not for ever.
@Suite struct SilencesTests {
    private let clock = ManualClock()

    @Test func threeInARowAreEnoughAndAMinuteLaterIsAnotherTime() {
        let silences = Silences<String, Int>(timing: clock.timing)
        for number in 1...3 {
            #expect(silences.problem(of: "a") == nil)
            silences.note(number, of: "a")
        }
        // What was under way by then says nothing anew.
        silences.note(4, of: "a")
        #expect(silences.problem(of: "a") == 3)
        #expect(silences.problem(of: "b") == nil)
        clock.advance(by: .seconds(61))
        #expect(silences.problem(of: "a") == nil)
        silences.note(5, of: "a")
        #expect(silences.problem(of: "a") == 5)
    }

    @Test func anAnswerInBetweenBeginsTheCountAnew() {
        let silences = Silences<String, Int>(timing: clock.timing)
        for _ in 0..<4 {
            silences.note(1, of: "a")
            silences.note(2, of: "a")
            silences.note(nil, of: "a")
        }
        #expect(silences.problem(of: "a") == nil)
        silences.note(3, of: "a", isUseless: true)
        #expect(silences.problem(of: "a") == 3)
    }
}
