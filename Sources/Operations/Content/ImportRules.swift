internal import IPLD
internal import POSIX

/// What was made of one file, directory or link.
struct Imported: Sendable {
    /// Names with slashes between them, as the bytes that they are.
    let path: [UInt8]
    let entry: DAGEntry
}

/// What of a folder is taken, and what is kept of its entries.
struct ImportRules: Sendable {
    /// Entries whose names begin with a dot are taken too.
    var takesHidden = false
    /// Folders without entries are taken too.
    var takesEmpty = true
    /// What symbolic links lead to is taken in their place.
    var followsLinks = false
    /// The same for links that were named themselves.
    var followsNamedLinks = false
    /// The permissions of files and folders are kept.
    var keepsModes = false
    /// The times of the last change are kept.
    var keepsTimes = false
    /// Kept for everything, in place of its own.
    var metadata = FileMetadata.none
    /// The name of what this run itself makes for a while, of which nothing is said.
    var scratchName: [UInt8] = []

    /// The metadata of what `info` describes.
    func metadata(of info: FileInfo) -> FileMetadata {
        guard keepsModes || keepsTimes else { return metadata }
        let time = UnixFSNode.Time(seconds: info.modified, nanoseconds: info.nanoseconds)
        return FileMetadata(
            mode: metadata.mode ?? (keepsModes ? info.permissions : nil),
            modified: metadata.modified ?? (keepsTimes ? time : nil)
        )
    }
}
