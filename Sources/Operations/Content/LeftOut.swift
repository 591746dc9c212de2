internal import IPLD
internal import Schema

/// Something below what was named that was not taken.
struct LeftOut: Answer {
    /// Why it was not.
    enum Reason: String, CaseIterable, Sendable {
        /// It is the kit home, or one of its files under another name.
        case home
        /// It is what a program like this one left behind when it was stopped.
        case leftover
        /// Its name begins with a dot, and nobody asked for such names.
        case hidden
    }

    let path: [UInt8]
    let reason: Reason

    static var sharedName: String? { "left out" }
    static let outputFields: [OutputField<Self>] = [
        OutputField("name", "Its path.") { NameShown($0.path) },
        OutputField("reason", "Why it was not taken.", as: .choice(Reason.allCases.map(\.rawValue))) {
            $0.reason.rawValue
        },
    ]
}

/// What was left out of all that somebody named, as it is told in the end.
struct LeftOutList: Sendable {
    /// Those that are named: of very many, the first thousand.
    private(set) var items: [LeftOut] = []
    private var hidden = 0

    private static let most = 1000

    mutating func add(_ item: LeftOut) {
        if item.reason == .hidden { hidden += 1 }
        if items.count < Self.most { items.append(item) }
    }

    var warnings: [String] {
        var warnings = items.compactMap { item -> String? in
            let name = shownName(item.path)
            return switch item.reason {
            case .home: "\(name) belongs to the kit home and was left out."
            case .leftover: "\(name) looks like what a stopped run left behind and was left out."
            case .hidden: nil
            }
        }
        if let first = items.first(where: { $0.reason == .hidden }) {
            let others = hidden == 1 ? "was" : "and \(hidden - 1) more whose names begin with a dot were"
            warnings.append("\(shownName(first.path)) \(others) left out; --hidden takes hidden files too.")
        }
        return warnings
    }
}
