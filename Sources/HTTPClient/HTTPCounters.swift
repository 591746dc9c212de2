import Synchronization

/// How much a client has done since it was made.
package struct HTTPCounters: Sendable, Equatable {
    /// Requests that were started.
    package var requests: UInt64
    /// Connections that were opened.
    package var connections: UInt64
    /// Bytes of request bodies handed to the network.
    package var bytesSent: UInt64
    /// Bytes of reply bodies taken from the network.
    package var bytesReceived: UInt64
}

/// The running counts behind `HTTPCounters`.
final class Tally: Sendable {
    private let requests = Atomic<UInt64>(0)
    private let connections = Atomic<UInt64>(0)
    private let bytesSent = Atomic<UInt64>(0)
    private let bytesReceived = Atomic<UInt64>(0)

    func started() { requests.wrappingAdd(1, ordering: .relaxed) }
    func connected(_ count: Int) { connections.wrappingAdd(UInt64(max(count, 0)), ordering: .relaxed) }
    func sent(_ count: Int) { bytesSent.wrappingAdd(UInt64(count), ordering: .relaxed) }
    func received(_ count: Int) { bytesReceived.wrappingAdd(UInt64(count), ordering: .relaxed) }

    /// The counts now.
    var snapshot: HTTPCounters {
        HTTPCounters(
            requests: requests.load(ordering: .relaxed),
            connections: connections.load(ordering: .relaxed),
            bytesSent: bytesSent.load(ordering: .relaxed),
            bytesReceived: bytesReceived.load(ordering: .relaxed)
        )
    }
}
