internal import CPOSIX
internal import Glibc

/// What a child process tells.
package enum ChildEvent: Sendable {
    /// So many bytes of what was sent went into its input.
    case input(Int)
    /// Bytes of its output.
    case output([UInt8])
    /// Time passes: told a few times a second.
    case tick
    case ended(ChildEnd)
}

/// How a child process ended.
package struct ChildEnd: Sendable, Hashable {
    /// Its exit code; 128 and the number of the signal where one ended it.
    package let code: Int32
    /// The last that it wrote to its error output, at most 4 KiB.
    package let errors: [UInt8]

    package init(code: Int32, errors: [UInt8]) { (self.code, self.errors) = (code, errors) }
}

/// A program that runs beside this one, with pipes to its input and from its output and its errors.
///
/// It has a session of its own, so that no terminal reaches it, no descriptor but its three, and no signal blocked. It
/// is ended when nobody holds this value any more, or when its events are not wanted, or when this process ends in any
/// way; and what is left of what it started ends with it.
package final class ChildProcess: Sendable {
    /// Its process number, which may be another's once it has ended.
    package let identifier: Int32
    private let pump: ChildPump

    /// Starts a program, which is looked for on the path, with these words and variables beside those of this process.
    ///
    /// Of those, it gets what `inherits` says: all where nothing is said. One that `mayLeave` something, such as a
    /// mount, is not ended with this process, and what it started goes on after its end. `receive` is called on a
    /// thread of the child's own; it says whether the child is to go on. The end is always told, last of all.
    package init(
        _ words: [String],
        setting variables: [String: String] = [:],
        inheriting inherits: (_ name: String) -> Bool = { _ in true },
        mayLeave: Bool = false,
        _ receive: @escaping @Sendable (ChildEvent) -> Bool
    ) throws(FileError) {
        let program = words.first ?? ""
        let input = try Pipe(for: program)
        let output = try Pipe(for: program)
        let errors = try Pipe(for: program)
        let wake = try Pipe(for: program)
        let settings = Self.environment(with: variables, inherits)
        identifier = try Self.spawn(words, settings, input.reader, output.writer, errors.writer)
        // Larger pipes mean fewer changes between the two; where the system allows no more, they stay as they are.
        for descriptor in [input.writer, output.reader] { POSIX.widenPipe(descriptor) }
        for descriptor in [input.writer, output.reader, errors.reader, wake.reader, wake.writer] {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        }
        pump = ChildPump(
            identifier,
            mayLeave: mayLeave,
            input: input,
            output: output,
            errors: errors,
            wake: wake,
            receive
        )
        input.closeReader()
        output.closeWriter()
        errors.closeWriter()
        if !startDetachedThread({ [pump] in pump.run() }) {
            pump.end()
            throw FileError("start a thread for", program, EAGAIN)
        }
    }

    deinit { pump.stop() }

    /// How many bytes it has written to its error output.
    package var errorBytes: UInt64 { pump.errorBytes }

    /// Ends it, as dropping it would; `atOnce`, it gets no time to end by itself when it finds its input closed.
    package func end(atOnce: Bool) { pump.stop(atOnce: atOnce) }

    /// Sends bytes to its input, in this order and behind all that was sent before; they are held until it takes them.
    package func send(_ pieces: [ArraySlice<UInt8>]) { pump.send(pieces) }

    /// Ends it at once, with all that it started; its end is told as ever.
    package func endNow() { pump.endNow() }

    /// Starts a program with three descriptors, and gives its number.
    static func spawn(
        _ words: [String],
        _ variables: [String],
        _ input: Int32,
        _ output: Int32,
        _ errors: Int32
    ) throws(FileError) -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in [input, output, errors].enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
        }
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | ipfskit_spawn_session
        unsafe posix_spawnattr_setflags(&attributes, flags)

        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        var settings = unsafe variables.map { unsafe strdup($0) } + [nil]
        defer { unsafe (arguments + settings).forEach { unsafe free($0) } }
        var identifier: pid_t = 0
        let program = words.first ?? ""
        let result = unsafe posix_spawnp(&identifier, program, &actions, &attributes, &arguments, &settings)
        guard result == 0 else { throw FileError("start", program, result) }
        return identifier
    }

    /// The variables of this process that are passed on, with others in place of those of the same name.
    private static func environment(
        with variables: [String: String],
        _ inherits: (_ name: String) -> Bool
    ) -> [String] {
        var settings = variables.map { "\($0.key)=\($0.value)" }
        guard var place = unsafe ipfskit_variables() else { return settings }
        while let entry = unsafe place.pointee {
            let text = unsafe String(cString: entry)
            let name = String(text.prefix { $0 != "=" })
            if variables[name] == nil, inherits(name) { settings.append(text) }
            unsafe place += 1
        }
        return settings
    }
}

/// A pipe whose ends are closed once each, and no later than it goes.
final class Pipe: Sendable {
    let reader: Int32
    let writer: Int32
    private let readerClosing = Once()
    private let writerClosing = Once()

    init(for program: String) throws(FileError) {
        var ends: [Int32] = [-1, -1]
        _ = try systemCall { unsafe pipe2(&ends, O_CLOEXEC) }.get("make a pipe for", program)
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        closeReader()
        closeWriter()
    }

    func closeReader() { if readerClosing.first() { close(reader) } }
    func closeWriter() { if writerClosing.first() { close(writer) } }
}
