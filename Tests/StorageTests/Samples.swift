import Schema
import Storage

/// The name that is legal by what the test knows of it.
func name(_ text: String) throws -> ObjectName {
    guard let name = ObjectName(text) else { throw StorageError(.unexpected, "“\(text)” is no name.") }
    return name
}

/// A policy with limits of its own.
func policy(
    _ timing: Timing,
    retries: Int = 3,
    connections: Int = 16,
    rate: UInt64 = 0,
    gate: any ChangeGate = OpenGate(),
    meter: Meter = Meter()
) -> CallPolicy {
    var settings = OperationalSettings()
    (settings.retryCount, settings.maxConnections) = (retries, connections)
    settings.bandwidthLimit = ByteCount(rate)
    return CallPolicy(backend: "b", settings, timing: timing, gate: gate, meter: meter)
}
