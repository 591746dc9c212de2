/// Builds a symbolic link.
public enum SymlinkNode {
    /// The node of a link to `target`, which is stored as it is and never followed.
    public static func build(target: [UInt8], profile: ImportProfile) -> BuiltNode {
        BuiltNode(PBNode(data: UnixFSNode(.symlink, data: target).encoded()), profile)
    }
}
