internal import IPLD
package import Multiformats
internal import Schema

/// The names of the objects that an archive keeps of a root: of its CAR, of the shards of one that is too long for an
/// object, and of the indexes beside them.
///
/// The name of a CAR is base32 of the CID's bytes: the usual text of a CIDv1, and for a CIDv0, whose usual text would
/// be ambiguous where letter case does not count, a name that begins with `bciq`. Where a folder holds few names, its
/// last two letters are a folder: `cars/<last two>/<root>.car`. Shards are `<root>.1-of-3.car`, and so on.
package struct CARName: Sendable, Hashable {
    package let root: CID
    /// Which of how many shards it is, counted from 1; nil for a whole CAR.
    package let shard: Shard?
    /// Whether it lies in the folder of its last two letters.
    package let isInFolder: Bool

    package struct Shard: Sendable, Hashable {
        package let number: Int
        package let count: Int

        package init(_ number: Int, of count: Int) { (self.number, self.count) = (number, count) }

        fileprivate init?(_ text: Substring) {
            let words = text.split(separator: "-", omittingEmptySubsequences: false)
            guard words.count == 3, words[1] == "of", let number = Int(words[0]), let count = Int(words[2]),
                number >= 1, number <= count, count <= Location.maxShards, "\(number)-of-\(count)" == text
            else { return nil }
            (self.number, self.count) = (number, count)
        }

        fileprivate var text: String { "\(number)-of-\(count)" }
    }

    package init(_ root: CID, shard: Shard? = nil, isInFolder: Bool) {
        (self.root, self.shard, self.isInFolder) = (root, shard, isInFolder)
    }

    /// Reads the name of an object; nil for one that is no CAR of ours, and no shard of one.
    package init?(_ name: String) {
        guard name.hasPrefix(Self.folder), name.hasSuffix(Self.suffix) else { return nil }
        var rest = name.dropFirst(Self.folder.count).dropLast(Self.suffix.count)
        var folder: Substring?
        if let slash = rest.firstIndex(of: "/") { (folder, rest) = (rest[..<slash], rest[rest.index(after: slash)...]) }
        shard = rest.firstIndex(of: ".").flatMap { Shard(rest[rest.index(after: $0)...]) }
        let stem = shard == nil ? rest : rest.prefix { $0 != "." }
        guard let (base, bytes) = try? Multibase.decode(String(stem)), base == .base32,
            let root = try? CID(bytes: bytes),
            folder == nil || folder == Self.folder(of: stem)
        else { return nil }
        self.root = root
        isInFolder = folder != nil
    }

    /// The name as that of an object.
    package var object: ObjectName {
        get throws(StorageError) {
            guard let name = ObjectName(stem + (shard.map { ".\($0.text)" } ?? "") + Self.suffix) else {
                throw StorageError(.unsupported, "The CID \(root) is too long for the name of an object.")
            }
            return name
        }
    }

    /// What the names of all objects of the root begin with.
    package var stem: String {
        let text = Multibase.base32.encode(root.bytes)
        return Self.folder + (isInFolder ? Self.folder(of: text[...]) + "/" : "") + text
    }

    /// What the names of all content begin with.
    package static let folder = "cars/"
    private static let suffix = ".car"
    private static let indexSuffix = ".idx"

    private static func folder(of stem: Substring) -> Substring { stem.suffix(2) }

    /// The name of the CAR that an object is, or is a shard or the index of.
    package static func ofCAR(_ name: ObjectName) -> String {
        let text = withoutIndex(name)
        guard let own = CARName(text), own.shard != nil else { return text }
        return own.stem + suffix
    }

    /// The name of the shard that an object is, or is the index of; nil for any other.
    static func ofShard(_ name: ObjectName) -> ObjectName? {
        let text = withoutIndex(name)
        return CARName(text)?.shard == nil ? nil : ObjectName(text)
    }

    /// Whether an object has the name of a CAR, or of a shard of one, and not of an index.
    package static func isCAR(_ name: ObjectName) -> Bool { name.text.hasPrefix(folder) && name.text.hasSuffix(suffix) }

    private static func withoutIndex(_ name: ObjectName) -> String {
        name.text.hasSuffix(indexSuffix) ? String(name.text.dropLast(indexSuffix.count)) : name.text
    }

    /// The name of the index of the blocks in a CAR of this name; nil where it would be too long.
    package static func ofIndex(of name: ObjectName) -> ObjectName? { ObjectName(name.text + indexSuffix) }
}
