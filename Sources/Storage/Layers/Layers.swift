internal import Schema

/// The service with everything around it that all services need, in the order in which calls pass through.
package func layered(
    _ service: any StorageService,
    backend: String,
    operational: OperationalSettings,
    timing: Timing,
    meter: Meter
) -> any StorageService {
    var inner = service
    if operational.bandwidthLimit.bytes > 0 {
        inner = Throttled(
            base: inner,
            bucket: TokenBucket(bytesPerSecond: operational.bandwidthLimit.bytes, timing: timing)
        )
    }
    let limited = Limited(base: inner, permits: Permits(operational.maxConnections))
    let retrying = Retrying(base: limited, retries: operational.retryCount, timing: timing)
    return Checked(base: Measured(base: retrying, meter: meter), backend: backend)
}
