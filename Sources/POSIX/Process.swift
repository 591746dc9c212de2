internal import CPOSIX
internal import Glibc
internal import Synchronization

/// The value of an environment variable, or nil where it is unset.
package func environment(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
}

/// The number of this process.
package var processIdentifier: Int32 { getpid() }

/// The number of the user that this process is of.
package var userNumber: UInt32 { getuid() }

/// Says whether a process of that number is alive, as far as this user may know.
package func processIsAlive(_ identifier: Int32) -> Bool {
    [0, EPERM].contains(systemCall { kill(identifier, 0) }.number)
}

/// The processes whose command lines `matches`, as far as the system shows them (proc(5), `cmdline`).
package func processes(where matches: (_ words: [String]) -> Bool) -> [Int32] {
    let numbers = (try? listDirectory("/proc"))?.compactMap { Int32(String(decoding: $0, as: UTF8.self)) } ?? []
    return numbers.filter { number in
        let line = (try? readSystemFile("/proc/\(number)/cmdline")) ?? []
        return matches(line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
    }
}

/// Ends the processes at once that were started with a variable of this value, and what those started with it; throws
/// where they do not end soon (proc(5), `environ`).
package func endProcesses(withVariable name: String, _ value: String) throws(FileError) {
    let entry = Array("\(name)=\(value)".utf8)
    let start = runningMilliseconds()
    while true {
        let numbers = (try? listDirectory("/proc"))?.compactMap { Int32(String(decoding: $0, as: UTF8.self)) } ?? []
        let found = numbers.filter { number in
            guard number != processIdentifier else { return false }
            let variables = (try? readSystemFile("/proc/\(number)/environ")) ?? []
            return variables.split(separator: 0).contains { $0.elementsEqual(entry) }
        }
        guard !found.isEmpty else { return }
        guard runningMilliseconds() - start < 5000 else { throw FileError("end what works in", value, EBUSY) }
        // What they start meanwhile is found by the next look.
        found.forEach(killProcess)
        usleep(2000)
    }
}

/// Ends a process at once, whatever it does.
package func killProcess(_ identifier: Int32) { _ = kill(identifier, SIGKILL) }

/// Something that differs from one start of the machine to the next.
package var bootIdentifier: String {
    let bytes = (try? readSystemFile("/proc/sys/kernel/random/boot_id")) ?? []
    return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
}

/// The name of this machine.
package var hostName: String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard let start = buffer.baseAddress, unsafe gethostname(start, 255) == 0 else { return "localhost" }
        return unsafe String(cString: start)
    }
}

/// Milliseconds since 1970.
package func currentMilliseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// Milliseconds since the machine was started, also those in which it slept.
package func runningMilliseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// The time that the calling thread has computed so far, in nanoseconds.
package func threadTime() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// The largest memory that this process has had resident, in bytes.
package var peakMemory: UInt64 {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return UInt64(usage.ru_maxrss) * 1024
}

/// The folder that holds the running program.
package var programFolder: String {
    directoryName(String(decoding: (try? linkTarget("/proc/self/exe")) ?? [], as: UTF8.self))
}

/// Calls `handler` on a thread of its own each time one of `signals` arrives, instead of what it would do; those that
/// are ignored, as under nohup, stay so.
///
/// Call it before any other thread is started: the signals are blocked in all of them. Where the system refuses a
/// thread, the signals do what they would do without it.
package func onSignals(_ signals: [Int32], _ handler: @escaping @Sendable (Int32) -> Void) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals where !isIgnored(signal) { unsafe sigaddset(&set, signal) }
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    let waiting = set
    let isHeard = startDetachedThread {
        var set = waiting
        while true {
            var number: Int32 = 0
            if unsafe sigwait(&set, &number) == 0 { handler(number) }
        }
    }
    if !isHeard { unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil) }
}

/// Whether whoever started the process chose that a signal does nothing.
private func isIgnored(_ signal: Int32) -> Bool { ipfskit_ignores(signal) != 0 }

/// The signals that ask a program to stop.
package let stopSignals: [Int32] = [SIGINT, SIGTERM, SIGHUP]

/// Makes a write to a closed pipe or socket an error instead of the end of the process.
package func ignoreBrokenPipes() {
    _ = signal(SIGPIPE, SIG_IGN)
}

/// Ends the process at once, with no more code run, and the children that have not ended by then.
package func endProcess(_ code: Int32) -> Never {
    ChildWatch.endAll()
    _exit(code)
}

/// Makes the C library's memory fit large buffers that wander between threads: they are not set aside for each thread,
/// and what was freed is used again rather than given back and faulted in anew.
package func tuneMemory() {
    _ = mallopt(ipfskit_arena_max, 2)
    _ = mallopt(ipfskit_mmap_threshold, 32 << 20)
    _ = mallopt(ipfskit_trim_threshold, 256 << 20)
}

/// Lets the process have as many files open as the machine allows it, up to 65,536.
///
/// Shells give fewer than many connections need, and libraries end a program that can open none.
package func raiseFileLimit() {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max
    else { return }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// Waits until the process ends by other means.
package func waitForever() -> Never {
    while true { pause() }
}

/// Takes a variable out of the environment of the process; to be called before there are other threads.
package func forgetVariable(_ name: String) { _ = unsafe unsetenv(name) }
