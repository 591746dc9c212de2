package import Schema

/// The settings that every type of backend has, in the section `operational` of its file.
package struct OperationalSettings: Described, Hashable {
    /// Seconds without progress after which a call has failed.
    package var timeout = 30
    package var retryCount = 3
    package var maxConnections = 16
    /// Bytes a second in both directions together; 0 is no limit.
    package var bandwidthLimit = ByteCount(0)

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "timeout",
            \.timeout,
            help: "Seconds without progress after which a call has failed.",
            section: .operational,
            least: 1,
            aliases: ["connection_timeout", "request_timeout"]
        ),
        Field(
            "retry_count",
            \.retryCount,
            help: "How often a failed call is made again.",
            section: .operational,
            least: 0,
            aliases: ["max_retries", "retry_attempts"]
        ),
        Field(
            "max_connections",
            \.maxConnections,
            help: "How many calls may run at once; 128 for a directory where it is left out.",
            section: .operational,
            least: 1
        ),
        Field(
            "bandwidth_limit",
            \.bandwidthLimit,
            help: "Bytes a second, up and down together; 0 is no limit.",
            section: .operational
        ),
    ]
}
