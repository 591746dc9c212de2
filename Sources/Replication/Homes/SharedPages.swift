internal import Catalog

/// The objects on a backend with pages that the snapshots of this home share.
///
/// One that the newest snapshot does not need any more goes when no snapshot that stays is older than that.
struct SharedPages {
    /// All that this home knows of.
    private let known: [PageObject]
    /// The names of those that are there, of this home, in their lengths.
    private let listed: [String: UInt64]
    /// Those that the next snapshot relies on.
    let usable: [PageObject]

    /// No object here has more than `longest` bytes.
    init(known: [PageObject], listed: [String: UInt64], longest: UInt64) {
        self.known = known
        self.listed = listed
        let there = known.filter { $0.retiredAt == nil && listed[$0.name] == $0.length }
        let worn = Self.worn(there, longest)
        usable = there.filter { !worn.contains($0.name) }
    }

    /// The most objects of about one size, each of which is four times the one before.
    private static let maxOfOneSize = 31
    /// Up to which all objects are of one size, in bytes.
    private static let smallest: UInt64 = 64 << 10
    /// So many bytes that nobody needs may lie about, beside as many as are needed.
    private static let spare: UInt64 = 4 << 20

    /// The objects whose pages are better sent once more: where there are very many of one size, so that a recovery
    /// has few to read, and those that hold more of what is not needed, where that has become much.
    ///
    /// Those that are about as long as an object of the service can be cannot become fewer.
    static func worn(_ objects: [PageObject], _ longest: UInt64) -> Set<String> {
        func needed(_ object: PageObject) -> UInt64 {
            let count = object.blocks.count / PageDigest.length
            return count == 0 ? 0 : object.length / UInt64(count) * UInt64(object.live)
        }
        var sizes: [Int: [String]] = [:]
        for object in objects where object.length < longest / 2 {
            let times = (needed(object) / smallest).leadingZeroBitCount
            sizes[times == 64 ? 0 : (65 - times) / 2, default: []].append(object.name)
        }
        var worn = Set(sizes.values.filter { $0.count > maxOfOneSize }.joined())
        let (all, live) = objects.reduce((UInt64(0), UInt64(0))) { ($0.0 + $1.length, $0.1 + needed($1)) }
        if all > 2 * live + spare { worn.formUnion(objects.filter { 2 * needed($0) < $0.length }.map(\.name)) }
        return worn
    }

    /// What changes for the objects with a snapshot of this time that needs so many pages of each usable one, and has
    /// made new ones.
    func changes(_ live: [Int], new: [PageObject], at time: Int64) -> [PageObject] {
        var needed: [String: Int] = [:]
        for (object, count) in zip(usable, live) where count > 0 { needed[object.name] = count }
        var changes: [PageObject] = []
        for var object in known where object.retiredAt == nil {
            let count = needed[object.name] ?? 0
            (object.live, object.retiredAt) = (count, count == 0 ? time : nil)
            changes.append(object)
        }
        // What a run that was stopped left is of use to nobody.
        let names = Set(known.map(\.name))
        for (name, length) in listed where !names.contains(name) {
            changes.append(PageObject(name: name, length: length, blocks: [], live: 0, retiredAt: time))
        }
        return changes + new
    }

    /// Those that no snapshot from `oldest` on needs.
    static func leftOver(_ objects: [PageObject], since oldest: Int64) -> [PageObject] {
        objects.filter { object in object.retiredAt.map { $0 <= oldest } ?? false }
    }
}
