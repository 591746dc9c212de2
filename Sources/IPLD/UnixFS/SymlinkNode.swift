/// Builds a symbolic link.
public enum SymlinkNode {
    /// The node of a link to `target`, which is stored as it is and never followed; of metadata only the time is kept.
    public static func build(
        target: [UInt8],
        profile: ImportProfile,
        metadata: FileMetadata = .none
    ) -> BuiltNode {
        let time = FileMetadata(modified: metadata.modified)
        return BuiltNode(PBNode(data: UnixFSNode(.symlink, data: target).with(time).encoded()), profile)
    }
}
