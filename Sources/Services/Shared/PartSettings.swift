package import Schema
internal import Storage

/// How large objects go to a service that takes them in parts: settings that all such types have.
package struct PartSettings: Described {
    package var threshold = ByteCount(32 << 20)
    package var size = ByteCount(16 << 20)
    /// Parts in flight for one object.
    package var concurrency = 4

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("multipart_threshold", \.threshold, help: "Longer objects go in parts."),
        Field("part_size", \.size, help: "The length of a part; a part that fails is read and sent again."),
        Field(
            "upload_concurrency",
            \.concurrency,
            help: "How many parts are sent at once.",
            aliases: ["concurrency"]
        ),
    ]

    /// Throws where uploads cannot be divided like that.
    func check() throws(StorageError) {
        guard (5 << 20...1 << 30).contains(size.bytes), (1 << 10...1 << 30).contains(threshold.bytes) else {
            throw StorageError(
                .badSettings,
                "connection.part_size must lie between 5MiB and 1GiB, and connection.multipart_threshold between 1KiB "
                    + "and 1GiB."
            )
        }
        guard (1...64).contains(concurrency) else {
            throw StorageError(.badSettings, "connection.upload_concurrency must lie between 1 and 64.")
        }
    }
}
