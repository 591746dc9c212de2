internal import IPLD
internal import Multiformats
internal import POSIX
internal import Schema

/// The name that what is at a path has in its folder: of `.`, `..` and the like the one that it really has.
///
/// It is empty for the root of the file system.
func givenName(_ path: String) throws(KitError) -> [UInt8] {
    let last = path.utf8.split(separator: 0x2F).last.map { Array($0) } ?? []
    guard last.isEmpty || last == [0x2E] || last == [0x2E, 0x2E] else { return last }
    do throws(FileError) {
        return try resolvedPath(path).split(separator: 0x2F).last.map { Array($0) } ?? []
    } catch {
        throw KitError(error)
    }
}

/// Throws `usage` where names that somebody gave cannot be those of entries of one directory.
func checkEntries(_ names: [[UInt8]]) throws(KitError) {
    var known: Set<[UInt8]> = []
    for name in names {
        do throws(DecodingProblem) { try DirectoryEntry.check(name: name) } catch {
            throw KitError(.usage, error.message)
        }
        guard name.count <= 255 else {
            throw KitError(.usage, "“\(shownName(name))” is too long for a name of a file.")
        }
        guard known.insert(name).inserted else {
            throw KitError(
                .usage,
                "Two of what was named are called “\(shownName(name))”; a directory has a name once."
            )
        }
    }
}

extension JSON {
    /// A name out of content: text, or, where its bytes are no UTF-8, the bytes as dag-json writes them.
    static func name(_ bytes: [UInt8]) -> JSON {
        if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
        return ["/": ["bytes": .string(Multibase.base64.encodeWithoutPrefix(bytes))]]
    }
}
