internal import POSIX
internal import Synchronization
internal import TLS

/// Who is told how many bytes went over the connections for files and lists, and came, on any thread.
package typealias FTPObserver = @Sendable (_ sent: Int, _ received: Int) -> Void

/// A connection on which somebody is logged in.
///
/// One task at a time has it, for one thing at a time.
package final class FTPConnection: Sendable {
    private struct State {
        /// Whether the newer way to a second connection is known not to lead there.
        var usesOldPassive = false
        var lastUse = ContinuousClock.now
        var listing = FTPListForm.facts
    }

    let control: FTPControl
    package let features: FTPFeatures
    /// The directory in which one is after the login; empty where the server does not say it.
    package let home: String
    private let host: String
    /// What makes other connections secure; nil where they are not.
    private let context: TLSContext?
    private let observer: @Sendable () -> FTPObserver
    private let state: Mutex<State>

    init(
        _ control: FTPControl,
        _ features: FTPFeatures,
        home: String,
        host: String,
        context: TLSContext?,
        observer: @escaping @Sendable () -> FTPObserver
    ) {
        (self.control, self.features, self.home, self.host) = (control, features, home, host)
        (self.context, self.observer) = (context, observer)
        state = Mutex(State(listing: features.hasFacts ? .facts : .all))
    }

    /// Whether it can be used once more.
    package var isUsable: Bool { control.failure == nil }

    /// Who is told now of the bytes.
    func counter() -> FTPObserver { observer() }

    /// How long a connection may lie idle before the server is asked whether it is there still.
    private static let quietTime = Duration.seconds(5)

    /// Whether the server goes on with it: it ends those that are idle for long.
    func isAlive() async -> Bool {
        let idle = state.withLock { $0.lastUse.duration(to: .now) }
        do throws(FTPError) {
            try await control.settle()
            guard control.isQuiet else { return false }
            guard idle > Self.quietTime else { return true }
            return try await control.ask("NOOP", within: min(control.timeout, .seconds(10))).isDone
        } catch {
            return false
        }
    }

    /// Takes note that it is not used any more for now.
    func rest() { state.withLock { $0.lastUse = .now } }

    // MARK: What has a name

    /// What the server says of a name in the form for machines; nil where it refuses, which is not to say that nothing
    /// has it.
    ///
    /// Only for servers that have the form.
    package func facts(of path: String) async throws(FTPError) -> FTPEntry? {
        let reply = try await control.ask("MLST", path)
        guard reply.code == 250 else { return try refused(reply, "MLST") }
        // The entry stands between the first line and the last, behind a space.
        let lines = reply.lines.filter { $0.contains("=") && $0.contains(";") }
        guard let entry = lines.lazy.compactMap({ FTPEntry(facts: $0.drop { $0 == " " }) }).first else {
            throw FTPError(.protocolViolation, "\(control.target) said nothing of a name.", words: reply.words)
        }
        return entry
    }

    /// The length of a file; nil where the server refuses to say it, as of a directory or of nothing.
    package func length(of path: String) async throws(FTPError) -> UInt64? {
        let reply = try await control.ask("SIZE", path)
        guard reply.code == 213 else { return try refused(reply, "SIZE") }
        guard let length = ftpNumber(reply.words.prefix { $0 != " " }) else {
            throw FTPError(.protocolViolation, "\(control.target) gave no length.", words: reply.words)
        }
        return length
    }

    /// When a file was written, as the server says; nil where it says nothing that is a time.
    package func time(of path: String) async throws(FTPError) -> FTPTime? {
        let reply = try await control.ask("MDTM", path)
        if reply.code == 500 || reply.code == 502 { return nil }
        guard reply.code == 213 else { return try refused(reply, "MDTM") }
        return FTPTime(reply.words.prefix { $0 != " " })
    }

    /// Gives a file another time; nothing happens where the server refuses.
    package func set(_ time: FTPTime, of path: String) async throws(FTPError) {
        _ = try await control.ask("MFMT", "\(time.text) \(path)")
    }

    /// Nothing, where the refusal is one of this name.
    private func refused<Value>(_ reply: FTPReply, _ verb: String) throws(FTPError) -> Value? {
        guard [450, 501, 550, 553].contains(reply.code) else { throw FTPError(reply, to: verb, by: control.target) }
        return nil
    }

    // MARK: Changes

    /// Goes into a directory; false where the server refuses, which is not to say that it is not there.
    package func enter(_ path: String) async throws(FTPError) -> Bool {
        let reply = try await control.ask("CWD", path)
        if reply.isDone { return true }
        let none: Bool? = try refused(reply, "CWD")
        return none ?? false
    }

    package func makeDirectory(_ path: String) async throws(FTPError) { try await control.order("MKD", path) }

    package func removeDirectory(_ path: String) async throws(FTPError) { try await control.order("RMD", path) }

    package func remove(_ path: String) async throws(FTPError) { try await control.order("DELE", path) }

    /// Gives a file another name.
    ///
    /// A stopped task waits for the answer for a while: whether it was done is worth more than the moment.
    package func rename(_ path: String, to other: String) async throws(FTPError) {
        let source = try await control.ask("RNFR", path, afterStop: Self.patience)
        guard source.code == 350 else { throw FTPError(source, to: "RNFR", by: control.target) }
        let target = try await control.ask("RNTO", other, afterStop: Self.patience)
        guard target.isDone else { throw FTPError(target, to: "RNTO", by: control.target) }
    }

    /// How long a stopped task waits for the answer to what it should not leave half done.
    private static let patience = Duration.seconds(2)

    // MARK: Files

    /// Opens a file for reading, from a byte on.
    package func download(_ path: String, from start: UInt64 = 0) async throws(FTPError) -> FTPDownload {
        FTPDownload(self, try await open("RETR", path, from: start))
    }

    /// Opens a file for writing: a new one, or one to go on with, from a byte on.
    package func upload(_ path: String, from start: UInt64 = 0) async throws(FTPError) -> FTPUpload {
        FTPUpload(self, try await open("STOR", path, from: start))
    }

    /// What is in a directory; nil where the server does not go into it, which is not to say that it is not there.
    package func list(_ path: String) async throws(FTPError) -> [FTPEntry]? {
        guard try await enter(path) else { return nil }
        while true {
            let form = state.withLock { $0.listing }
            do throws(FTPError) {
                let entries = try await list(form)
                // Some take the word that asks for hidden names for the name of something that is not there.
                guard form == .all, entries.isEmpty else { return entries.filter { !$0.isWay } }
                let plain = try await list(.plain).filter { !$0.isWay }
                if !plain.isEmpty { state.withLock { $0.listing = .plain } }
                return plain
            } catch  where form == .facts ? error.isUnknownCommand : form == .all && error.isRefusal {
                state.withLock { $0.listing = form == .facts ? .all : .plain }
            }
        }
    }

    /// A list in one form, of the directory that was entered last.
    private func list(_ form: FTPListForm) async throws(FTPError) -> [FTPEntry] {
        let download = FTPDownload(self, try await open(form.verb, form.argument, from: 0))
        var list = FTPList(form, of: control.target)
        while let bytes = try await download.next() { try list.add(bytes) }
        guard download.endIsCertain else {
            throw FTPError(.broken, "A list of \(control.target) ended without a word in TLS that this was all.")
        }
        // Who could not read a directory, or not all of it, may praise what he gave.
        let words = download.lastWords.lowercased()
        guard !["fail", "truncated", "denied"].contains(where: { words.contains($0) }) else {
            throw FTPError(.refused, "\(control.target) did not give a whole list.", words: download.lastWords)
        }
        return try list.end()
    }

    // MARK: Other connections

    /// Opens a connection for a file or a list, and has the server begin.
    private func open(_ verb: String, _ path: String, from start: UInt64) async throws(FTPError) -> FTPStream {
        let stream = try await passive()
        if start > 0 {
            let reply = try await control.ask("REST", "\(start)")
            guard reply.code == 350 else { throw FTPError(reply, to: "REST", by: control.target) }
        }
        let reply = try await control.ask(verb, path)
        guard reply.isBeginning else { throw FTPError(reply, to: verb, by: control.target) }
        guard let context else { return stream }
        do throws(FTPError) {
            // Many servers take only those who show by its session that they are the one who gave the command.
            try await stream.secure(
                by: context,
                host: host,
                resuming: control.stream.session,
                within: control.timeout
            )
        } catch {
            throw await reason(for: error)
        }
        return stream
    }

    /// What the server says of a connection that broke, where it says no; else the error as it is.
    func reason(for error: FTPError) async -> FTPError {
        guard error.code != .cancelled else {
            control.owe()
            return error
        }
        do throws(FTPError) {
            let last = try await control.reply(within: min(control.timeout, .seconds(5)))
            return last.isDone ? error : FTPError(last, to: "what was under way", by: control.target)
        } catch let silence {
            return silence.code == .cancelled ? silence : error
        }
    }

    /// A connection to where the server waits for one: the newer way names only a port, and of the older way no more is
    /// believed.
    private func passive() async throws(FTPError) -> FTPStream {
        let peer = control.stream.peer
        if !state.withLock({ $0.usesOldPassive }) {
            let reply = try await control.ask("EPSV")
            if reply.code == 229, let port = Self.port(extended: reply.words) {
                do throws(FTPError) {
                    return try await FTPStream.open([peer.at(port)], within: control.timeout)
                } catch  where error.code == .disconnected && !peer.isVersion6 {
                    // What stands between may know the older way alone.
                }
            } else if !reply.isDone, peer.isVersion6 {
                throw FTPError(reply, to: "EPSV", by: control.target)
            }
        }
        let reply = try await control.ask("PASV")
        guard reply.code == 227 else { throw FTPError(reply, to: "PASV", by: control.target) }
        guard let port = Self.port(old: reply.words) else {
            throw FTPError(.protocolViolation, "\(control.target) named no port.", words: reply.words)
        }
        let stream = try await FTPStream.open([peer.at(port)], within: control.timeout)
        state.withLock { $0.usesOldPassive = true }
        return stream
    }

    /// The port in `(|||50000|)` (RFC 2428 §3).
    static func port(extended words: String) -> Int? {
        let bytes = Array(words.utf8.drop { $0 != UInt8(ascii: "(") }.dropFirst())
        guard let mark = bytes.first, bytes.prefix(3).allSatisfy({ $0 == mark }), bytes.count > 4 else { return nil }
        let digits = bytes.dropFirst(3).prefix { $0 != mark }
        guard let port = ftpNumber(String(decoding: digits, as: UTF8.self)[...]), (1...65_535).contains(port) else {
            return nil
        }
        return Int(port)
    }

    /// The port in `(127,0,0,1,195,80)`, whatever stands around it (RFC 959 §4.1.2).
    static func port(old words: String) -> Int? {
        let text = words.drop { !$0.isASCII || !$0.isNumber }.prefix { $0 == "," || ($0.isASCII && $0.isNumber) }
        let numbers = text.split(separator: ",").compactMap { UInt8($0) }
        guard numbers.count == 6 else { return nil }
        let port = Int(numbers[4]) << 8 | Int(numbers[5])
        return port > 0 ? port : nil
    }
}
