internal import IPLD
internal import Schema

/// Something below what was named that was not taken.
struct LeftOut: Sendable {
    /// Why it was not.
    enum Reason: String, Sendable {
        /// It is the kit home, or one of its files under another name.
        case home
        /// It is what a program like this one left behind when it was stopped.
        case leftover
    }

    let path: [UInt8]
    let reason: Reason
}

/// What was left out of all that somebody named, as it is told in the end.
struct LeftOutList: Sendable {
    var items: [LeftOut] = []

    var json: JSON {
        .array(items.map { ["name": .name($0.path), "reason": .string($0.reason.rawValue)] })
    }

    var warnings: [String] {
        items.map { item in
            let name = shownName(item.path)
            return switch item.reason {
            case .home: "\(name) belongs to the kit home and was left out."
            case .leftover: "\(name) looks like what a stopped run left behind and was left out."
            }
        }
    }
}
