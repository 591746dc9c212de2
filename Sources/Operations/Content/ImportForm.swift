internal import IPLD
internal import Multiformats
package import Schema

/// How content becomes blocks, in the words of the command line: the options of Kubo's `add` that change a CID.
package struct ImportForm: Described {
    package var profileName = ImportProfile.unixfsV1_2025.name
    package var cidVersion: Int?
    package var hash: String?
    package var rawLeaves: Bool?
    package var chunker: String?
    package var trickle = false
    package var maxFileLinks: Int?
    package var maxDirectoryLinks: Int?
    package var maxHAMTFanout: Int?
    package var inline = false
    package var inlineLimit = 32
    package var hidden = false
    package var emptyDirectories = true
    package var followsLinks = false
    package var followsNamedLinks = false
    package var keepsMode = false
    package var keepsTime = false
    package var mode: String?
    package var time: Int?
    package var nanoseconds = 0

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "profile",
            \.profileName,
            help: "How content is cut into blocks: unixfs-v1-2025, or unixfs-v0-2015 for Kubo's defaults."
        ),
        Field("cid_version", \.cidVersion, help: "The version of CIDs: 0 or 1."),
        Field("hash", \.hash, help: "The hash function, such as sha2-256 or blake3."),
        Field("raw_leaves", \.rawLeaves, help: "Make leaves raw blocks, or not; what the profile says by default."),
        Field(
            "chunker",
            \.chunker,
            help: "size-BYTES, rabin, rabin-AVERAGE, rabin-LEAST-AVERAGE-MOST or buzhash (-s).",
            aliases: ["s"]
        ),
        Field("trickle", \.trickle, help: "Lay files out as trickle trees (-t).", aliases: ["t"]),
        Field("max_file_links", \.maxFileLinks, help: "The most links of a node of a file."),
        Field(
            "max_directory_links",
            \.maxDirectoryLinks,
            help: "The most entries of a directory before it is sharded."
        ),
        Field("max_hamt_fanout", \.maxHAMTFanout, help: "The buckets of a shard: a power of two from 8 to 1024."),
        Field("inline", \.inline, help: "Put small blocks into their CIDs."),
        Field("inline_limit", \.inlineLimit, help: "The longest block that --inline puts into its CID, in bytes."),
        Field(
            "hidden",
            \.hidden,
            help: "Add entries whose names begin with a dot too (-H); without it they are left out, and told.",
            aliases: ["H"]
        ),
        Field("empty_dirs", \.emptyDirectories, help: "Add directories without entries too."),
        Field("dereference_symlinks", \.followsLinks, help: "Add what symbolic links lead to, not the links."),
        Field("dereference_args", \.followsNamedLinks, help: "The same for links that are named as arguments only."),
        Field("preserve_mode", \.keepsMode, help: "Keep permissions; leaves are then no raw blocks."),
        Field("preserve_mtime", \.keepsTime, help: "Keep times of change; leaves are then no raw blocks."),
        Field("mode", \.mode, help: "Permissions for everything: octal with a leading 0, or decimal."),
        Field("mtime", \.time, help: "A time of change for everything, in seconds since 1970."),
        Field("mtime_nsecs", \.nanoseconds, help: "Nanoseconds after --mtime."),
    ]

    private var metadata: FileMetadata {
        get throws(KitError) {
            guard (0..<1_000_000_000).contains(nanoseconds) else {
                throw KitError(.usage, "--mtime-nsecs must be between 0 and 999999999.")
            }
            var bits: UInt32?
            if let mode {
                bits = mode.hasPrefix("0") ? UInt32(mode, radix: 8) : UInt32(mode)
                guard bits != nil else { throw KitError(.usage, "--mode: “\(mode)” is no number.") }
            }
            let time = time.map { UnixFSNode.Time(seconds: Int64($0), nanoseconds: UInt32(nanoseconds)) }
            return FileMetadata(mode: bits, modified: time)
        }
    }

    /// What of a folder is taken.
    func rules() throws(KitError) -> ImportRules {
        ImportRules(
            takesHidden: hidden,
            takesEmpty: emptyDirectories,
            followsLinks: followsLinks,
            followsNamedLinks: followsLinks || followsNamedLinks,
            keepsModes: keepsMode,
            keepsTimes: keepsTime,
            metadata: try metadata
        )
    }

    /// The profile that all of this comes to.
    func profile() throws(KitError) -> ImportProfile {
        guard let base = ImportProfile(named: profileName) else {
            throw KitError(.usage, SchemaError.unknown(profileName, among: ImportProfile.all.map(\.name)).message)
        }
        var choices = ImportChoices()
        choices.cidVersion = cidVersion
        if let hash { choices.hash = try hashNamed(hash) }
        choices.rawLeaves = rawLeaves
        choices.maxFileLinks = maxFileLinks
        choices.maxDirectoryLinks = maxDirectoryLinks
        choices.maxHAMTFanout = maxHAMTFanout
        choices.trickle = trickle
        choices.inlineLimit = inline ? inlineLimit : nil
        let metadata = try metadata
        choices.keepsMetadata = keepsMode || keepsTime || !metadata.isEmpty
        do throws(DecodingProblem) {
            if let chunker { choices.chunker = try Chunker(chunker) }
            return try choices.applied(to: base)
        } catch {
            throw KitError(.usage, error.message)
        }
    }
}
