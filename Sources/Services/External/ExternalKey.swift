internal import Digests
internal import Storage

/// The key under which a program keeps an object, and back.
///
/// It has the form of git-annex's keys, `BACKEND--NAME`, for some programs read them: `/` in the name of the object is
/// `~`, which no such name has, no URL escapes, and every file system takes. The program takes it as the name of a
/// file, so what is longer than such names may be has its digest in place of the name, and is in no list.
struct ExternalKey: Sendable, Hashable {
    let text: String

    /// What all keys begin with.
    static let beginning = "XIPFSKIT--"
    /// The longest name that stands in a key, in bytes: programs write beside, under longer names.
    private static let longest = 200

    init(_ name: ObjectName) {
        let bytes = Array(name.text.utf8)
        text =
            Self.beginning
            + (bytes.count <= Self.longest ? Self.escaped(name.text) : "~long-" + hex(digest(.sha256, of: bytes)))
    }

    /// The key of something that is no object, and of which a list says nothing.
    init(ofOwn name: String) { text = Self.beginning + "~" + name }

    /// What the keys of all names begin with that begin with `prefix`.
    static func beginning(of prefix: String) -> String { beginning + escaped(prefix) }

    private static func escaped(_ name: String) -> String { name.replacing("/", with: "~") }

    /// The name of the object that has a key; nil where that is nobody's, or does not show it.
    static func name(of key: String) -> ObjectName? {
        guard key.hasPrefix(beginning) else { return nil }
        let name = ObjectName(String(key.dropFirst(beginning.count)).replacing("~", with: "/"))
        return name.flatMap { ExternalKey($0).text == key ? $0 : nil }
    }
}
