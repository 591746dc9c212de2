internal import Glibc

/// What the processes of a session have done so far, as far as the system shows it (proc(5)).
package struct SessionActivity: Sendable, Hashable {
    /// What one of them has done, or several.
    package struct Work: Sendable, Hashable {
        /// The time that was computed, in milliseconds.
        package var computed: UInt64 = 0
        /// How many bytes were read and written, from and to anything.
        package var moved: UInt64 = 0
    }

    private var works: [Int32: Work] = [:]

    /// What those have done that run in the session of a process now.
    package init(ofSessionOf leader: Int32) {
        let tick = UInt64(max(1, 1000 / sysconf(Int32(_SC_CLK_TCK))))
        for name in (try? listDirectory("/proc")) ?? [] {
            guard let process = Int32(String(decoding: name, as: UTF8.self)),
                let ticks = Self.ticks(of: process, inSessionOf: leader)
            else { continue }
            works[process] = Work(computed: ticks &* tick, moved: Self.moved(by: process))
        }
    }

    /// What those did since an earlier look that are there now; one that has ended takes what it did along.
    package func since(_ earlier: SessionActivity) -> Work {
        works.reduce(into: Work()) { sum, next in
            let before = earlier.works[next.key] ?? Work()
            // A number may be another process's by now.
            let isSame = next.value.computed >= before.computed && next.value.moved >= before.moved
            sum.computed &+= isSame ? next.value.computed - before.computed : next.value.computed
            sum.moved &+= isSame ? next.value.moved - before.moved : next.value.moved
        }
    }

    /// How many ticks a process computed; nil where it is of another session, or has ended.
    private static func ticks(of process: Int32, inSessionOf leader: Int32) -> UInt64? {
        guard let text = try? readSystemFile("/proc/\(process)/stat"), let name = text.lastIndex(of: 0x29) else {
            return nil
        }
        // Behind the name: its state, parent, group, session, and further on the times of user and system.
        let words = text[name...].dropFirst(2).split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        guard words.count > 12, Int32(words[3]) == leader, let user = UInt64(words[11]), let system = UInt64(words[12])
        else { return nil }
        return user &+ system
    }

    private static func moved(by process: Int32) -> UInt64 {
        let text = (try? readSystemFile("/proc/\(process)/io")) ?? []
        return String(decoding: text, as: UTF8.self).split(separator: "\n").prefix(2).reduce(0) { sum, line in
            sum &+ (line.split(separator: " ").last.flatMap { UInt64($0) } ?? 0)
        }
    }
}
