internal import CPOSIX
internal import Glibc
internal import Synchronization

/// Where something can be connected to: an address of the internet, and a port.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// The address as the system has it.
    let bytes: [UInt8]
    /// The address in words.
    package let host: String
    package let port: Int

    /// Whether it is an address of version 6.
    package var isVersion6: Bool { host.contains(":") }

    package var description: String { isVersion6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The same address with another port.
    package func at(_ port: Int) -> SocketAddress {
        var bytes = bytes
        // Both forms of address have the port at the same place, the high byte first.
        (bytes[2], bytes[3]) = (UInt8(truncatingIfNeeded: port >> 8), UInt8(truncatingIfNeeded: port))
        return SocketAddress(bytes: bytes, host: host, port: port)
    }

    var family: Int32 { isVersion6 ? AF_INET6 : AF_INET }

    fileprivate init(bytes: [UInt8], host: String, port: Int) {
        (self.bytes, self.host, self.port) = (bytes, host, port)
    }

    /// The addresses of a host, which is a name or an address, in the order in which they are to be tried.
    ///
    /// A name server that is slow keeps nobody waiting for longer than `limit`.
    package static func all(
        of host: String,
        port: Int,
        within limit: Duration
    ) async throws(SocketError)
        -> [SocketAddress]
    {
        // No name server is asked about what is an address.
        if case .success(let found) = found(host, port, asAddress: true), !found.isEmpty { return found }
        let answer = LateAnswer()
        guard startDetachedThread({ answer.give(found(host, port, asAddress: false)) }) else {
            throw SocketError(
                .cannotResolve,
                "Nobody can be asked for the address of \(host): there are too many threads."
            )
        }
        guard let result = await within(limit, { await answer.wait() }) else {
            if Task.isCancelled { throw SocketError.stopped(host) }
            throw SocketError(.timedOut, "The address of \(host) was not found within \(limit.components.seconds) s.")
        }
        return try result.get()
    }

    private typealias Found = Result<[SocketAddress], SocketError>

    /// Asks the system, and waits for it.
    private static func found(_ host: String, _ port: Int, asAddress: Bool) -> Found {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV | (asAddress ? AI_NUMERICHOST : AI_ADDRCONFIG)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, "\(port)", &hints, &list)
        guard status == 0 else {
            let reason = unsafe gai_strerror(status).map { unsafe String(cString: $0) } ?? "error \(status)"
            return .failure(SocketError(.cannotResolve, "The address of \(host) was not found: \(reason)."))
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe address(of: entry.pointee, port) { addresses.append(address) }
            unsafe next = entry.pointee.ai_next
        }
        guard !addresses.isEmpty else {
            return .failure(SocketError(.cannotResolve, "\(host) has no address of the internet."))
        }
        return .success(addresses)
    }

    private static func address(of entry: addrinfo, _ port: Int) -> SocketAddress? {
        guard let start = unsafe entry.ai_addr, unsafe [AF_INET, AF_INET6].contains(entry.ai_family) else { return nil }
        let length = unsafe Int(entry.ai_addrlen)
        let bytes = unsafe Array(UnsafeRawBufferPointer(start: start, count: length))
        return SocketAddress(bytes, port)
    }

    /// The address of what is at the other end, or at this one, in the system's form; nil for other forms.
    private init?(_ bytes: [UInt8], _ port: Int) {
        guard bytes.count >= 16 else { return nil }
        var words = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let status = unsafe bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return Int32(EAI_FAIL) }
            return unsafe getnameinfo(
                start.assumingMemoryBound(to: sockaddr.self),
                socklen_t(buffer.count),
                &words,
                socklen_t(words.count),
                nil,
                0,
                NI_NUMERICHOST
            )
        }
        guard status == 0 else { return nil }
        let text = words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        self.init(bytes: bytes, host: String(decoding: text, as: UTF8.self), port: port)
    }
}

/// What a thread finds out for a task, which may not wait for it any more.
private final class LateAnswer: Sendable {
    typealias Value = Result<[SocketAddress], SocketError>

    private struct State {
        var value: Value?
        var waiter: CheckedContinuation<Value?, Never>?
        var isStopped = false
    }

    private let state = Mutex(State())

    func give(_ value: Value) {
        let waiter = state.withLock { state in
            state.value = value
            return state.waiter.take()
        }
        waiter?.resume(returning: value)
    }

    /// The answer; nil where the task is stopped before it is there.
    func wait() async -> Value? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Value?, Never>) in
                let (isOver, value) = state.withLock { state -> (Bool, Value?) in
                    if state.value == nil, !state.isStopped {
                        state.waiter = waiter
                        return (false, nil)
                    }
                    return (true, state.value)
                }
                if isOver { waiter.resume(returning: value) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.isStopped = true
                return state.waiter.take()
            }
            waiter?.resume(returning: nil)
        }
    }
}
