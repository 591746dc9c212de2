internal import Schema
internal import Storage

/// The names under which homes leave what they are known by on a backend, all below `kits/`.
///
/// Whoever can write to the backend can make such names, so they are read with bounds.
enum HomeName {
    /// Names that say something; all others are nobody's, and are passed over.
    enum Kind: Hashable {
        /// A home announces itself: `kits/KIT/homes/INSTANCE-INCARNATION.here`.
        case here(instance: String, incarnation: String)
        /// It is removing content: the same with `.removing`.
        case removing(instance: String, incarnation: String)
        /// `kits/KIT/MILLISECONDS-INSTANCE.car`, or of the first version without the instance.
        case snapshot(instance: String, time: Int64)
        /// Pages that the snapshots of a home share: `kits/KIT/pages/MILLISECONDS-INSTANCE.car`, and where they are too
        /// many for one object, `…-INSTANCE-2.car` and so on.
        case pages(instance: String, time: Int64)
    }

    static let folder = ObjectName.notes

    /// The latest time that is believed, in milliseconds: the year 2200.
    static let latest: Int64 = 7_258_118_400_000

    static func marker(kit: String, instance: String, incarnation: String, isRemoving: Bool) -> ObjectName? {
        ObjectName("\(folder)\(kit)/homes/\(instance)-\(incarnation).\(isRemoving ? "removing" : "here")")
    }

    static func snapshot(kit: String, instance: String, time: Int64) -> ObjectName? {
        ObjectName("\(folder)\(kit)/\(time)-\(instance).car")
    }

    /// The last part of the name of the pages that were left with the snapshot of this time, of the object of this
    /// number, counted from 1.
    static func pages(instance: String, time: Int64, _ number: Int) -> String {
        "\(time)-\(instance)\(number == 1 ? "" : "-\(number)").car"
    }

    /// Pages by the last part of their name.
    static func pages(kit: String, _ last: String) -> ObjectName? {
        guard let name = ObjectName("\(folder)\(kit)/pages/\(last)"), case .pages? = read(name)?.kind else {
            return nil
        }
        return name
    }

    /// What a name says, and of which kit.
    static func read(_ name: ObjectName) -> (kit: String, kind: Kind)? {
        let parts = name.text.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count >= 3, parts[0] == "kits", isIdentifier(parts[1]) else { return nil }
        if parts.count == 4, parts[2] == "homes" { return marker(parts[3]).map { (parts[1], $0) } }
        if parts.count == 4, parts[2] == "pages" {
            var last = parts[3]
            let pieces = last.split(separator: "-", omittingEmptySubsequences: false)
            if pieces.count == 3, let number = Int(pieces[2].dropLast(4)),
                (2...KitSnapshot.maxShared).contains(number),
                pieces[2] == "\(number).car"
            {
                last = "\(pieces[0])-\(pieces[1]).car"
            }
            guard let pages = archive(last), let instance = pages.instance else { return nil }
            return (parts[1], .pages(instance: instance, time: pages.time))
        }
        guard parts.count == 3, let (time, instance) = archive(parts[2]) else { return nil }
        return (parts[1], .snapshot(instance: instance ?? "", time: time))
    }

    private static func archive(_ text: String) -> (time: Int64, instance: String?)? {
        guard text.hasSuffix(".car") else { return nil }
        let pieces = text.dropLast(4).split(separator: "-", omittingEmptySubsequences: false).map { String($0) }
        guard (1...2).contains(pieces.count), let time = Int64(pieces[0]), String(time) == pieces[0],
            (0...latest).contains(time), pieces.count == 1 || isIdentifier(pieces[1])
        else { return nil }
        return (time, pieces.count == 2 ? pieces[1] : nil)
    }

    private static func marker(_ text: String) -> Kind? {
        let halves = text.split(separator: ".", omittingEmptySubsequences: false)
        let pieces = halves[0].split(separator: "-", omittingEmptySubsequences: false).map { String($0) }
        guard halves.count == 2, pieces.count == 2, pieces.allSatisfy(isIdentifier) else { return nil }
        switch halves[1] {
        case "here": return .here(instance: pieces[0], incarnation: pieces[1])
        case "removing": return .removing(instance: pieces[0], incarnation: pieces[1])
        default: return nil
        }
    }

    /// Letters and digits, at most 40: what identifiers of kits and homes are made of.
    static func isIdentifier(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
    }
}
