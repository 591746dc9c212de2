internal import Glibc
internal import Synchronization

/// A connection over TCP, whose calls wait without a thread of their own.
///
/// One task at a time sends, and one receives. It ends with this value.
package final class Socket: Sendable {
    private let descriptor: Int32
    /// What it is connected to.
    package let peer: SocketAddress

    private init(_ descriptor: Int32, _ peer: SocketAddress) { (self.descriptor, self.peer) = (descriptor, peer) }

    deinit { close(descriptor) }

    /// Connects to the first of some addresses that takes a connection within the time for all of them.
    package static func connect(
        toOneOf addresses: [SocketAddress],
        within limit: Duration
    ) async throws(SocketError) -> Socket {
        let end = runningMilliseconds() + limit.wholeMilliseconds
        var failure = SocketError(.cannotConnect, "There is no address to connect to.")
        for (index, address) in addresses.enumerated() {
            let rest = end - runningMilliseconds()
            guard rest > 0 || index == 0 else { break }
            // One that swallows everything leaves time for the others.
            let share = index == addresses.count - 1 ? rest : max(rest / 2, min(rest, 1000))
            do throws(SocketError) {
                return try await connect(to: address, within: .milliseconds(max(share, 1)))
            } catch {
                guard [.cannotConnect, .timedOut].contains(error.code) else { throw error }
                failure = error
            }
        }
        throw failure
    }

    /// Connects to an address.
    package static func connect(to address: SocketAddress, within limit: Duration) async throws(SocketError) -> Socket {
        let place = address.description
        if Task.isCancelled { throw SocketError.stopped(place) }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let made = systemCall { socket(address.family, kind, 0) }
        guard made.number == 0 else { throw SocketError(.cannotConnect, "connect to", place, made.number) }
        let connection = Socket(made.value, address)
        connection.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        // Whoever is silent for long because nothing is to be said is asked whether he is there.
        connection.set(SOL_SOCKET, SO_KEEPALIVE, 1)
        connection.set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        connection.set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15)
        connection.set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 4)
        let begun = unsafe address.bytes.withUnsafeBytes { buffer in
            systemCall {
                unsafe Glibc.connect(
                    made.value,
                    buffer.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                    socklen_t(buffer.count)
                )
            }
        }
        if begun.number == 0 { return connection }
        guard begun.number == EINPROGRESS || begun.number == EALREADY else {
            throw SocketError(.cannotConnect, "connect to", place, begun.number)
        }
        switch await SocketWaits.shared.wait(made.value, .toSend, within: limit) {
        case .ready: break
        case .stopped: throw SocketError.stopped(place)
        case .timedOut:
            throw SocketError(.timedOut, "\(place) took no connection within \(shown(limit)).")
        }
        let number = connection.pendingError
        guard number == 0 else { throw SocketError(.cannotConnect, "connect to", place, number) }
        return connection
    }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private var pendingError: Int32 {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let asked = systemCall { unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length) }
        return asked.number == 0 ? number : asked.number
    }

    // MARK: Bytes

    /// What came, up to so many bytes, as soon as there is something; empty at the end.
    ///
    /// With `afterStop`, a stopped task waits for so long besides, for what half of would be worse than nothing.
    package func receive(
        upTo count: Int,
        within limit: Duration,
        afterStop: Duration? = nil
    ) async throws(SocketError) -> [UInt8] {
        while true {
            if let bytes = try take(count) { return bytes }
            try await wait(.toReceive, limit, afterStop)
        }
    }

    /// What has come already; nil where nothing has, and empty at the end.
    package func take(_ count: Int) throws(SocketError) -> [UInt8]? {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let got = systemCall { unsafe recv(descriptor, buffer.baseAddress, count, 0) }
            failure = got.number
            filled = max(0, got.value)
        }
        if failure == EAGAIN || failure == EWOULDBLOCK { return nil }
        guard failure == 0 else { throw SocketError(.lost, "read from", peer.description, failure) }
        return bytes
    }

    /// Whether anything can be read now, or its end; nothing is taken.
    package var hasSomething: Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return systemCall { unsafe poll(&waiting, 1, 0) }.value != 0
    }

    /// Sends all bytes; no more than `limit` may pass in which none is taken.
    package func send(_ bytes: [UInt8], within limit: Duration, afterStop: Duration? = nil) async throws(SocketError) {
        var sent = 0
        while sent < bytes.count {
            let wrote = unsafe bytes.withUnsafeBytes { buffer in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[sent...])
                return systemCall {
                    unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                }
            }
            if wrote.number == 0 {
                sent += wrote.value
            } else if wrote.number == EAGAIN || wrote.number == EWOULDBLOCK {
                try await wait(.toSend, limit, afterStop)
            } else {
                throw SocketError(.lost, "write to", peer.description, wrote.number)
            }
        }
    }

    /// Says that nothing more is sent; what was sent before arrives.
    package func endSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    private func wait(
        _ wish: SocketWaits.Wish,
        _ limit: Duration,
        _ afterStop: Duration?
    ) async throws(SocketError) {
        var outcome = await SocketWaits.shared.wait(descriptor, wish, within: limit)
        if outcome == .stopped, let afterStop {
            outcome = await SocketWaits.shared.wait(descriptor, wish, within: afterStop, evenIfStopped: true)
        }
        switch outcome {
        case .ready: return
        case .stopped: throw SocketError.stopped(peer.description)
        case .timedOut:
            let what = wish == .toSend ? "took nothing" : "sent nothing"
            throw SocketError(.timedOut, "\(peer) \(what) for \(Self.shown(limit)).")
        }
    }

    private static func shown(_ limit: Duration) -> String {
        limit < .seconds(1) ? "\(limit.wholeMilliseconds) ms" : "\(limit.components.seconds) s"
    }
}
