internal import Schema

/// The service with everything around it that all services need, in the order in which calls pass through.
package func layered(
    _ service: any StorageService,
    backend: String,
    operational: OperationalSettings,
    timing: Timing,
    gate: any ChangeGate,
    meter: Meter
) -> any StorageService {
    var inner = service
    if operational.bandwidthLimit.bytes > 0 {
        inner = Throttled(
            base: inner,
            bucket: TokenBucket(bytesPerSecond: operational.bandwidthLimit.bytes, timing: timing)
        )
    }
    // Inside the tries and behind the wait for a place: what was admitted is sent at once.
    inner = Gated(base: inner, gate: gate)
    let limited = Limited(base: inner, permits: Permits(operational.maxConnections))
    let retrying = Retrying(base: limited, retries: operational.retryCount, timing: timing)
    return Checked(base: Measured(base: retrying, meter: meter), backend: backend)
}
