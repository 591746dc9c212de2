internal import POSIX

/// The names of files in which is written what has no name of its own yet.
///
/// They are those that all types have, with another ending: Nextcloud and ownCloud keep `.part` for themselves, and
/// refuse it (nextcloud/server#4526, owncloud/core#29011).
enum WebDAVTemporary {
    private static let (ending, usual) = (".upload", ".part")

    /// A name beside a name that no other writer uses.
    static func name(beside name: String) -> String { changed(temporaryName(beside: "/" + name)) }

    /// The name for an upload that others go on with, who find it by this number: no process has the number 0.
    static func name(beside name: String, number: UInt64) -> String {
        changed(temporaryName(beside: "/" + name, 0, number))
    }

    private static func changed(_ path: String) -> String {
        String(path.dropFirst().dropLast(usual.count)) + ending
    }

    /// Whether a file is one in which somebody writes, or wrote, an object.
    static func isBeside(_ name: String, _ file: String) -> Bool {
        usual(of: file).map { temporaryNumbers(of: $0, beside: name) != nil } ?? false
    }

    /// How such a file would be called with the ending of the others; nil for what has not that of ours.
    static func usual(of file: String) -> String? {
        let base = baseName(file)
        return base.hasSuffix(ending) ? base.dropLast(ending.count) + usual : nil
    }

    /// The name of which that is the usual form.
    static func name(ofUsual name: String) -> String { name.dropLast(usual.count) + ending }
}
