package import Schema

/// The section `policies` of a backend file.
package struct BackendPolicies: Described {
    /// The most that may be stored, in GB (10⁹ bytes); nil is no bound.
    package var storageQuota: Int?
    package var trafficQuota: Int?
    package var retentionDays: Int?
    package var minReplicas: Int?
    package var cacheHours: Int?
    /// Whether the service is about to end.
    package var isLeaving = false

    package init() {}

    /// The most that may be stored, in bytes.
    package var storageQuotaBytes: UInt64? {
        storageQuota.map { quota in
            let (bytes, isTooMany) = UInt64(max(0, quota)).multipliedReportingOverflow(by: 1_000_000_000)
            return isTooMany ? .max : bytes
        }
    }

    package static let fields: [Field<Self>] = [
        Field(
            "storage_quota_gb",
            \.storageQuota,
            help: "The most that sync may store here, in GB.",
            section: .policies,
            least: 0
        ),
        Field(
            "traffic_quota_gb_monthly",
            \.trafficQuota,
            help: "The most that may be moved in a month, in GB; kept in the file, not yet enforced.",
            section: .policies,
            least: 0
        ),
        Field(
            "retention_days",
            \.retentionDays,
            help: "How long content stays after its pin is gone; kept in the file, not yet enforced.",
            section: .policies,
            least: 0
        ),
        Field(
            "min_replicas",
            \.minReplicas,
            help: "The least number of other replicas before content may be removed here.",
            section: .policies,
            least: 0
        ),
        Field(
            "cache_ttl_hours",
            \.cacheHours,
            help: "How long answers may be kept; kept in the file, not yet enforced.",
            section: .policies,
            least: 0
        ),
        Field(
            "leaving",
            \.isLeaving,
            help: "Whether the service is about to end; `backend health` says so.",
            section: .policies
        ),
    ]
}
