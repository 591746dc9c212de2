internal import POSIX

/// Something that a program was asked, and has not answered yet.
struct AnnexJob: Sendable {
    /// What a look at the time says.
    enum Look {
        case fine
        /// It has been silent for so long that somebody should look what the program does.
        case silent
        case late(String)
    }

    var reading: AnnexReading
    let answer = AnnexAnswer<AnnexReply>()
    let watch: AnnexWatch?
    private let began: Duration
    /// When it was last seen to go on, by what was said or written.
    private var told: Duration
    /// The same, or by what the processes of the program do.
    private var sign: Duration
    private var written: UInt64 = 0
    private var lines = 0
    /// What those had done when they were last looked at, and when that was.
    private var activity: (seen: SessionActivity, at: Duration)?

    /// More lines about one request, beside those of its answer, and of its progress, are none of it.
    private static let mostLines = 20_000
    /// How much longer than silence a request may take that moves nothing, whatever the program says meanwhile.
    private static let patience = 10
    /// How long a program may be busy without a word, and without anything written.
    private static let longest = Duration.seconds(86_400)
    /// What a program does that counts as going on: so many bytes a second, or one in so many parts of a processor.
    private static let (busyBytes, busyShare): (Double, Double) = (1024, 50)

    init(_ request: AnnexRequest, _ watch: AnnexWatch?, at now: Duration) {
        (reading, self.watch, began, told, sign) = (AnnexReading(request), watch, now, now, now)
    }

    var request: AnnexRequest { reading.request }

    /// Notes a line; false where there are too many.
    mutating func note(at now: Duration, isProgress: Bool) -> Bool {
        (told, sign, activity) = (now, now, nil)
        lines += isProgress ? 0 : 1
        return lines <= Self.mostLines
    }

    /// Notes how many bytes were written so far.
    mutating func note(written: UInt64, at now: Duration) {
        guard written != self.written else { return }
        (self.written, told, sign, activity) = (written, now, now, nil)
    }

    /// Whether it goes on, where a program may say nothing for `timeout`.
    func look(at now: Duration, _ timeout: Duration) -> Look {
        let word = cut(request.line).word
        guard request.isTransfer else {
            let limit = now - began > timeout * Self.patience ? timeout * Self.patience : timeout
            guard now - sign > timeout || limit > timeout else { return .fine }
            return .late("It did not answer \(word) within \(limit.components.seconds) s.")
        }
        guard now - told <= Self.longest else { return .late("It says nothing of \(word) for a day.") }
        guard let activity else { return now - sign > timeout / 2 ? .silent : .fine }
        return now - activity.at > timeout / 2 ? .silent : .fine
    }

    /// Compares what the processes of the program have done with what they had; false where that is nothing.
    ///
    /// Many programs say nothing while they move bytes.
    mutating func note(_ seen: SessionActivity, at now: Duration) -> Bool {
        guard let (before, moment) = activity else {
            activity = (seen, now)
            return true
        }
        let milliseconds = (now - moment) / .milliseconds(1)
        // One that has ended meanwhile takes what it did along.
        let isBusy =
            seen.moved < before.moved || Double(seen.moved - before.moved) > milliseconds * Self.busyBytes / 1000
            || seen.computed < before.computed
            || Double(seen.computed - before.computed) > milliseconds / Self.busyShare
        if isBusy { (sign, activity) = (now, nil) }
        return isBusy
    }
}
