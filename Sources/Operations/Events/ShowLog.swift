internal import Multiformats
package import Schema
internal import Storage

/// Shows what happened in a kit.
package struct ShowLog: Operation {
    package static let name = "log"
    package static let summary = "Show what changed in this kit, and which commands did it, the oldest first."
    package static let details = """
        The log is in `logs/` of the kit home. It is written when something is in the catalog, so nothing stands in it that did not \
        happen; of a command that was killed the last moment may be missing, and its end. Old files of it go: whoever reads on \
        where he stopped, with --after, is told where what came next is gone.
        """
    package static var items: [any OperationOutput.Type] { [Event.self] }

    package var follow = false
    package var since: String?
    package var after: String?
    package var backend: String?
    package var cid: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("follow", \.follow, help: "Go on, and show what happens from now on (-f).", aliases: ["f"]),
        Field("since", \.since, help: "Show what happened since a time, or since so long ago: 2026-07-30, 2h, 3d."),
        Field("after", \.after, help: "Show what was told after the event of this id."),
        Field("backend", \.backend, help: "Show what is about this backend.", as: .backend),
        Field("cid", \.cid, help: "Show what is about this root.", as: .cid),
    ]

    /// How often a log that is followed is looked at.
    private static let pause = Duration.milliseconds(200)

    package func run(in call: Call) async throws(KitError) -> Output {
        guard try call.kit.home.exists() else { throw KitError.noHome(call.kit.home) }
        let first = try since.map { (text) throws(KitError) in try Self.moment(text, call.kit) }
        let root = try cid.map { (text) throws(KitError) in try parseCID(text) }
        let roots = root.map { root in Set([root, root.v0, root.v1].compactMap(\.self).map(\.description)) }
        var reader = try LogReader(call.kit.home)
        var output = Output()
        var stories = Stories { event in
            (backend == nil || event.backend == backend)
                && (roots == nil || event.cid.map { roots?.contains($0) == true } == true)
        }
        var isPassed = after == nil
        var last = after
        repeat {
            while let events = try reader.next() {
                guard !reader.hasGap else { throw Self.gone(last ?? "") }
                for event in events {
                    last = event.id
                    // What came before still tells which calls are under way.
                    let shown = stories.shown(event)
                    guard isPassed else {
                        isPassed = event.id == after
                        continue
                    }
                    for event in shown where first.map({ event.time >= $0 }) ?? true {
                        output.events += 1
                        await call.emit(event)
                    }
                }
                do throws(StorageError) { try StorageError.checkCancellation() } catch { throw KitError(error) }
            }
            guard isPassed else { throw Self.gone(after ?? "") }
            if follow {
                do throws(StorageError) { try await call.kit.timing.pause(Self.pause) } catch { throw KitError(error) }
            }
        } while follow
        output.unreadable = reader.unreadable
        return output
    }

    private static func gone(_ id: String) -> KitError {
        KitError(
            .notFound,
            "No event “\(id)” is in the log, or it was so long ago that its file is gone: what came after it is not known.",
            hint: Hint(ShowLog.self)
        ).because(.eventGone)
    }

    /// A moment as people write it: itself, or how long ago it was.
    private static func moment(_ text: String, _ kit: Kit) throws(KitError) -> Timestamp {
        if let span = TimeSpan(text), span.seconds < 1 << 40 {
            return Timestamp(milliseconds: kit.now.milliseconds - span.seconds * 1000)
        }
        guard let time = Timestamp(text) else {
            throw KitError(
                .usage,
                "“\(text)” is neither a time, such as 2026-07-30T19:44:19Z, nor how long ago, such as 2h or 3d.",
                hint: .help(on: name)
            )
        }
        return time
    }

    /// What was shown.
    package struct Output: OperationOutput {
        var events = 0
        var unreadable = 0

        package static let outputFields: [OutputField<Self>] = [
            OutputField("type", "What this line is.", as: .choice(["summary"])) { _ in "summary" },
            OutputField("events", "How many events were shown.") { $0.events },
            OutputField("unreadable", "How many lines of the log are no events.") { $0.unreadable },
        ]
        package var report: Report {
            let warning = "\(unreadable) lines of the log are no events, and were left out."
            return Report([], warnings: unreadable > 0 ? [warning] : [])
        }
        package var quietLines: [String]? { [] }
    }
}

/// Chooses events, and with them the beginning and the end of the calls that they are of.
private struct Stories {
    private let isWanted: (Event) -> Bool
    /// How calls began of which nothing was shown so far.
    private var beginnings: [String: Event] = [:]
    /// Their order: of those that never end, the oldest are given up.
    private var order: [String] = []
    /// The calls of which something was shown, and that have not ended.
    private var told: Set<String> = []

    private static let most = 1000

    init(_ isWanted: @escaping (Event) -> Bool) { self.isWanted = isWanted }

    /// What is to be shown when an event comes.
    mutating func shown(_ event: Event) -> [Event] {
        guard let call = event.call else { return isWanted(event) ? [event] : [] }
        defer { if event.kind == .ended { forget(call) } }
        guard isWanted(event) || told.contains(call) && event.isOfCall else {
            if event.kind == .began { keep(event, call) }
            return []
        }
        let beginning = beginnings.removeValue(forKey: call)
        if beginning != nil { order.removeAll { $0 == call } }
        told.insert(call)
        // Of those that were killed nobody says that they have ended.
        if told.count > Self.most { told = [call] }
        return (beginning.map { [$0] } ?? []) + [event]
    }

    private mutating func keep(_ event: Event, _ call: String) {
        beginnings[call] = event
        order.append(call)
        if order.count > Self.most {
            let old = order.removeFirst()
            beginnings[old] = nil
        }
    }

    private mutating func forget(_ call: String) {
        if beginnings.removeValue(forKey: call) != nil { order.removeAll { $0 == call } }
        told.remove(call)
    }
}
