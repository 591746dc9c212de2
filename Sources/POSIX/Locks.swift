internal import Glibc

extension File {
    /// Takes the advisory lock of this file, and waits for it no longer than so many milliseconds.
    ///
    /// Returns false when another process or another `File` held it all the time: one that was stopped holds it for ever.
    package func lock(shared: Bool = false, patience milliseconds: Int) throws(FileError) -> Bool {
        // A clock that stands still while the machine sleeps: nobody gives a lock back then.
        let end = SuspendingClock.now + .milliseconds(milliseconds)
        var pause: UInt32 = 250
        while try !lock(shared: shared, wait: false) {
            guard SuspendingClock.now < end else { return false }
            usleep(pause)
            pause = min(pause * 2, 8000)
        }
        return true
    }

    /// The process that holds the lock of this file, as far as the system tells.
    package func lockHolder() -> Int? {
        guard let info = try? fileInfo(path), let locks = try? File("/proc/locks", .read).read(at: 0, count: 1 << 20)
        else { return nil }
        // 1: FLOCK  ADVISORY  WRITE 7472 08:02:1234567 0 EOF
        for line in String(decoding: locks, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 6, words[1] == "FLOCK", words[5].hasSuffix(":\(info.identity.number)") else {
                continue
            }
            return Int(words[4]).flatMap { $0 > 0 ? $0 : nil }
        }
        return nil
    }
}
