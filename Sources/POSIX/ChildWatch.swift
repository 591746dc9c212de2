internal import CPOSIX
internal import Glibc
internal import Synchronization

/// The children of this process that were not seen to end, and the watcher that ends them where this process does not.
///
/// The watcher is a small program in a session of its own, which is told of each child. When this process ends, in any
/// way at all, it finds its input at an end, and ends the children with all that is in their sessions: one that takes
/// no heed of its own input, and what it has started, would go on with what nobody waits for any more. Without a shell
/// there is no watcher, and the children find their inputs closed.
enum ChildWatch {
    private struct State {
        /// As long as they are here, their numbers are their own.
        var children: Set<Int32> = []
        /// Those of them that are to end with this process.
        var watched: Set<Int32> = []
        var watcher: Watcher?
    }

    private static let state = Mutex(State())

    /// Notes a child that was started; one that `mayLeave` something is not ended by the watcher.
    static func add(_ child: Int32, mayLeave: Bool) {
        state.withLock { state in
            state.children.insert(child)
            guard !mayLeave else { return }
            state.watched.insert(child)
            tell("+ \(child)", &state)
        }
    }

    private static func tell(_ line: String, _ state: inout State) {
        if state.watcher?.tell([line]) == true { return }
        // There is none yet, or others have ended it.
        state.watcher = Watcher()
        if state.watcher?.tell(state.watched.map { "+ \($0)" }) != true { state.watcher = nil }
    }

    /// Ends a child at once, with its group.
    static func end(_ child: Int32) {
        state.withLock { if $0.children.contains(child) { _ = kill(-child, SIGKILL) } }
    }

    /// Ends all of them at once.
    static func endAll() {
        state.withLock { state in
            for child in state.children { _ = kill(-child, SIGKILL) }
            state.children = []
        }
    }

    /// How a child ended, as the system tells it; nil where it has not.
    ///
    /// What is left of its group ends with it, unless it `mayLeave` something: the number of the group is the child's
    /// until the system has told.
    static func status(of child: Int32, mayLeave: Bool) -> Int32? {
        state.withLock { state -> Int32? in
            var told = unsafe siginfo_t()
            let looked = systemCall { unsafe waitid(P_PID, id_t(child), &told, WEXITED | WNOHANG | WNOWAIT) }
            if looked.number == 0 {
                guard unsafe told.si_signo == SIGCHLD else { return nil }
                if !mayLeave { _ = kill(-child, SIGKILL) }
            }
            var status: Int32 = 0
            let waited = systemCall { unsafe waitpid(child, &status, WNOHANG) }
            state.children.remove(child)
            if state.watched.remove(child) != nil { tell("- \(child)", &state) }
            return waited.number == 0 ? status : -1
        }
    }
}

/// A program that ends the children of this process when that has ended.
private final class Watcher {
    private let process: Int32
    private let line: Int32

    /// What it does, in the words of the shell.
    ///
    /// It keeps the numbers of the children, each between spaces, until its input ends. Then it looks for what is in
    /// their sessions (proc(5): behind the name, the fourth word) until there is nothing, for what is started meanwhile
    /// is seen by the next look.
    private static let text = """
        live=' '
        while read -r sign child; do
            case $sign in
            +) live="$live$child " ;;
            -) live="${live%% $child *} ${live#* $child }" ;;
            esac
        done
        for child in $live; do kill -9 -"$child"; done
        tries=0
        while [ "$live" != ' ' ] && [ $tries -lt 20 ]; do
            found=
            for file in /proc/[0-9]*/stat; do
                read -r line < "$file" || continue
                process=${line%% *}
                set -- ${line##*) }
                [ "$1" != Z ] || continue
                case $live in *" $4 "*) kill -9 "$process"; found=1 ;; esac
            done
            [ "$found" ] || break
            tries=$((tries + 1))
            [ $tries = 1 ] || sleep 1
        done
        """

    init?() {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard systemCall({ unsafe socketpair(AF_UNIX, kind, 0, &ends) }).number == 0 else { return nil }
        let nowhere = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        defer {
            close(nowhere)
            close(ends[1])
        }
        let words = ["/bin/sh", "-c", Self.text, "ipfs-kit-watch"]
        let path = ["PATH=/usr/local/bin:/usr/bin:/bin"]
        guard let process = try? ChildProcess.spawn(words, path, ends[1], nowhere, nowhere) else {
            close(ends[0])
            return nil
        }
        (self.process, line) = (process, ends[0])
    }

    /// Tells it something; false where it does not listen any more.
    func tell(_ lines: [String]) -> Bool {
        let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
        return systemCall { unsafe send(line, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) }.value
            == bytes.count
    }

    deinit {
        // It finds its input at an end, and must end nobody then.
        _ = kill(process, SIGKILL)
        var status: Int32 = 0
        _ = systemCall { unsafe waitpid(process, &status, 0) }
        close(line)
    }
}
