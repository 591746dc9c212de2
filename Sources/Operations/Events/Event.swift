package import Catalog
internal import Multiformats
package import Schema
package import Storage

/// Something that happened in a kit.
///
/// What people see of work while it goes on, the log, and what other surfaces pass on, are all made from these.
package struct Event: OperationOutput {
    /// What kinds there are.
    package enum Kind: Sendable, Hashable {
        /// A call of an operation begins or ends.
        case began, ended
        /// Something is odd, and the work goes on.
        case warning
        /// How far the work is.
        case progress
        /// Work on a backend begins.
        case working
        /// A check of the store found a block, or a file of its own, that is not what it was.
        case found
        /// A snapshot is removed from a backend.
        case pruned
        /// Something is in the catalog now.
        case written(CatalogEvent.Kind)

        /// The word for it.
        package var word: String {
            switch self {
            case .began: "began"
            case .ended: "ended"
            case .warning: "warning"
            case .progress: "progress"
            case .working: "working"
            case .found: "found"
            case .pruned: "pruned"
            case .written(let kind): kind.rawValue
            }
        }

        /// All that there are, in order.
        static let all =
            [.began, .ended, .warning, .progress, .working, .found, .pruned]
            + CatalogEvent.Kind.allCases.map(Kind.written)
    }

    /// The process and a number that grows: no two events of a home have the same.
    package internal(set) var id = ""
    package internal(set) var time = Timestamp(milliseconds: 0)
    package let kind: Kind
    /// The event with which the call began that it is of.
    package var call: String?
    /// The call in which this one was called.
    package var parent: String?
    package var operation: String?
    package var backend: String?
    package var cid: String?
    package var method: String?
    package var size: UInt64?
    package var code: ExitCode?
    package var message: String?
    package var progress: Progress.Amount?
    /// Whether the log keeps it.
    var isKept = true

    init(_ kind: Kind) { self.kind = kind }

    /// What is in the catalog now.
    init(_ event: CatalogEvent) {
        kind = .written(event.kind)
        (backend, cid) = (event.backend, event.cid?.description)
        (method, size, message) = (event.method, event.size, event.message)
    }

    package static let outputFields: [OutputField<Self>] = [
        OutputField("type", "What this line is.", as: .choice(["event"])) { _ in "event" },
        OutputField("id", "The process and a number that grows.") { $0.id },
        OutputField("time", "When it happened.") { $0.time },
        OutputField("kind", "What happened.", as: .choice(Kind.all.map(\.word))) { $0.kind.word },
        OutputField("call", "The event with which the call began that did it.") { $0.call },
        OutputField("parent", "The call in which it was called, such as that of a plan; null for most.") { $0.parent },
        OutputField("operation", "What was called.") { $0.operation },
        OutputField("backend", "The backend that it is about.", as: .backend) { $0.backend },
        OutputField("cid", "The root that it is about.", as: .cid) { $0.cid },
        OutputField("method", "How it was seen or done.") { $0.method },
        OutputField("size_bytes", "The length of what was seen.", in: .bytes) { $0.size },
        OutputField("code", "The number with which the call ended.") { $0.code?.rawValue },
        OutputField("message", "What more there is to say.") { $0.message },
        .object(
            "progress",
            "How far the work is.",
            of: [
                OutputField("title", "The newest part of it.") { $0.title },
                OutputField("items_done", "How many items are done.") { $0.items },
                OutputField("all_items", "How many there are; null where nobody knows.") { $0.allItems },
                OutputField("bytes_done", "How many bytes moved.", in: .bytes) { $0.bytes },
                OutputField("all_bytes", "How many there are; null where nobody knows.", in: .bytes) { $0.allBytes },
            ]
        ) { $0.progress },
    ]

    /// What happened, on one line without the time.
    package var line: String {
        var words = [backend.map { $0 + ":" }, isOfCall ? operation : nil, kind.word, cid].compactMap(\.self)
        let facts = [size.map { ByteCount($0).description }, method].compactMap(\.self)
        if !facts.isEmpty { words.append("(\(facts.joined(separator: ", ")))") }
        if let code, code != .ok { words.append("with code \(code.rawValue)") }
        let line = words.joined(separator: " ")
        // Those of services begin with the backend already.
        let said = message.map { text in
            backend.map { text.hasPrefix($0 + ": ") ? String(text.dropFirst($0.count + 2)) : text } ?? text
        }
        return said.map { "\(line): \($0)" } ?? line
    }

    /// Whether it is in the log of a home.
    var isInLog: Bool { isKept && kind != .progress }

    /// Whether it is about its call as a whole.
    var isOfCall: Bool { kind == .began || kind == .ended }

    package var report: Report { Report("\(time.day) \(time.clock) \(line)") }

    /// An event as it stands in a log; nil for what is none.
    init?(reading json: JSON) {
        guard json["type"]?.string == "event", let word = json["kind"]?.string,
            let kind = Kind.all.first(where: { $0.word == word }), let id = json["id"]?.string, !id.isEmpty,
            let time = json["time"]?.string.flatMap({ Timestamp($0) })
        else { return nil }
        self.init(kind)
        (self.id, self.time) = (id, time)
        (call, operation) = (json["call"]?.string, json["operation"]?.string)
        parent = json["parent"]?.string
        (backend, method) = (json["backend"]?.string, json["method"]?.string)
        (size, message) = (json["size_bytes"]?.natural, json["message"]?.string)
        // What is no CID is no reason to believe the rest.
        if let text = json["cid"]?.string {
            guard (try? parseCID(text)) != nil else { return nil }
            cid = text
        }
        code = json["code"]?.natural.flatMap { Int32(exactly: $0) }.flatMap { ExitCode(rawValue: $0) }
    }
}
