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
    /// When it was last seen to go on, by what came.
    private var told: Duration
    /// The same, or by what the program says that it moved, or by what its processes do.
    private var sign: Duration
    private var written: UInt64 = 0
    /// How many bytes the program says that it moved, and no more than there are.
    private var claimed: UInt64 = 0
    private let most: UInt64
    private var lines = 0
    /// What the processes had done when they were last looked at, how much the program had said, and when that was.
    private var activity: (seen: SessionActivity, said: UInt64, at: Duration)?

    /// More lines about one request, beside those of its answer, and of its progress, are none of it.
    private static let mostLines = 20_000
    /// How much longer than silence a request may take that moves nothing, whatever the program says meanwhile.
    private static let patience = 10
    /// How long a program may be busy without a word, and without anything written.
    private static let longest = Duration.seconds(86_400)
    /// What a program does that counts as going on: so many bytes a second, or one in so many parts of a processor.
    private static let (busyBytes, busyShare): (Double, Double) = (1024, 50)
    /// How often what is said may be read and written on its way.
    private static let passes: Double = 4
    /// How many times as many bytes one has to move that talks.
    private static let strictness: Double = 64

    init(_ request: AnnexRequest, _ watch: AnnexWatch?, at now: Duration) {
        (reading, self.watch, began, told, sign) = (AnnexReading(request), watch, now, now, now)
        let most: UInt64? =
            switch request {
            case .store(_, let file): (try? fileInfo(Array(file.utf8)))?.length
            case .retrieve(_, _, let length): length
            default: nil
            }
        self.most = most ?? .max
    }

    var request: AnnexRequest { reading.request }

    /// Notes a line, which by itself shows nothing, and how much the program says in it that it moved so far; false
    /// where there are too many.
    mutating func note(claimed bytes: UInt64?, at now: Duration) -> Bool {
        if let bytes, request.isTransfer { note(claimed: bytes, at: now) } else { lines += 1 }
        return lines <= Self.mostLines
    }

    /// Notes a part of the answer.
    mutating func notePart(at now: Duration) { (told, sign, activity) = (now, now, nil) }

    /// Notes how many bytes the program says that it moved so far: that it goes on where they become more, no slower
    /// than what counts, and not more than there are.
    private mutating func note(claimed bytes: UInt64, at now: Duration) {
        guard bytes > claimed, bytes <= most else { return }
        guard bytes == most || Double(bytes - claimed) > (now - sign) / .seconds(1) * Self.busyBytes else { return }
        (claimed, sign, activity) = (bytes, now, nil)
    }

    /// Notes how many bytes were written so far.
    mutating func note(written: UInt64, at now: Duration) {
        guard written != self.written else { return }
        self.written = written
        notePart(at: now)
    }

    /// Whether it goes on, where a program may say nothing for `timeout`.
    func look(at now: Duration, _ timeout: Duration) -> Look {
        let word = cut(request.line).word
        guard request.isTransfer else {
            let limit = now - began > timeout * Self.patience ? timeout * Self.patience : timeout
            guard now - sign > timeout || limit > timeout else { return .fine }
            return .late("It did not answer \(word) within \(limit.components.seconds) s.")
        }
        guard now - told <= Self.longest else { return .late("Nothing came of \(word) for a day.") }
        guard let activity else { return now - sign > timeout / 2 ? .silent : .fine }
        return now - activity.at > timeout / 2 ? .silent : .fine
    }

    /// Compares what the processes of the program have done with what they had, and how much that has said; false where
    /// it is nothing but talk.
    ///
    /// Many programs say nothing while they move bytes. What is said is moved, too, by each through which it passes; so
    /// is what programs read that are started to say it, and who says much computes for that. So of one that talks,
    /// more is expected: it could say that it moves bytes.
    mutating func note(_ seen: SessionActivity, said: UInt64, at now: Duration) -> Bool {
        guard let (before, heard, moment) = activity else {
            activity = (seen, said, now)
            return true
        }
        let milliseconds = (now - moment) / .milliseconds(1)
        let (done, talk) = (seen.since(before), Double(said &- heard))
        let bytes = milliseconds * Self.busyBytes / 1000
        let isBusy =
            Double(done.moved) - talk * Self.passes > (talk > 0 ? bytes * Self.strictness : bytes)
            || talk <= bytes && Double(done.computed) > milliseconds / Self.busyShare
        if isBusy { (sign, activity) = (now, nil) }
        return isBusy
    }
}
