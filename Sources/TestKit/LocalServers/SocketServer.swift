internal import Foundation
internal import Glibc
internal import Synchronization
internal import Testing

/// Listens on a free port of 127.0.0.1 and runs the script once per connection, each on a thread of its own.
///
/// It lives until the process ends: a test that lets go of it early would otherwise lose its connections.
package final class SocketServer: Sendable {
    package let port: UInt16
    private let listener: Int32
    private let connections = Atomic<Int>(0)

    package var url: String { "http://127.0.0.1:\(port)" }
    package var connectionCount: Int { connections.load(ordering: .relaxed) }

    package init(_ script: @escaping @Sendable (ServerConnection) -> Void) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let status = unsafe withUnsafeMutableBytes(of: &address) { bytes in
            guard let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return Int32(-1) }
            guard unsafe bind(listener, base, length) == 0, listen(listener, 256) == 0 else { return -1 }
            return unsafe getsockname(listener, base, &length)
        }
        try #require(status == 0)
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread {
            while true {
                let peer = accept(listener, nil, nil)
                guard peer >= 0 else { return }
                self.connections.wrappingAdd(1, ordering: .relaxed)
                Thread.detachNewThread { script(ServerConnection(peer)) }
            }
        }
    }
}

/// One connection to a `SocketServer`; every wait in it ends after half a minute.
package final class ServerConnection {
    private let peer: Int32
    private var unread: [UInt8] = []

    init(_ peer: Int32) {
        self.peer = peer
        setTimeout(SO_RCVTIMEO, milliseconds: 30_000)
        setTimeout(SO_SNDTIMEO, milliseconds: 30_000)
    }

    /// Half-closes, then waits for the other side, so that no reset destroys what was sent.
    deinit {
        _ = shutdown(peer, Int32(SHUT_WR))
        setTimeout(SO_RCVTIMEO, milliseconds: 300)
        _ = readToEnd()
        close(peer)
    }

    package func readHead() -> String { nextHead() ?? "" }

    package func nextHead() -> String? {
        let end = Array("\r\n\r\n".utf8)
        var searched = 0
        while true {
            while searched + 4 <= unread.count {
                if unread[searched..<searched + 4].elementsEqual(end) {
                    defer { unread.removeFirst(searched + 4) }
                    return String(decoding: unread[..<(searched + 4)], as: UTF8.self)
                }
                searched += 1
            }
            guard fill() else { return nil }
        }
    }

    package func readRequest() -> (head: String, body: [UInt8]) { nextRequest() ?? ("", []) }

    package func nextRequest() -> (head: String, body: [UInt8])? {
        guard let head = nextHead() else { return nil }
        if head.contains("100-continue") { send("HTTP/1.1 100 Continue\r\n\r\n") }
        let field = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
        let length = field.flatMap { Int($0.dropFirst(16)) } ?? 0
        return (head, read(atLeast: length))
    }

    /// Takes exactly so many bytes, or fewer when the client hangs up.
    @discardableResult
    package func read(atLeast count: Int) -> [UInt8] {
        while unread.count < count, fill() {}
        defer { unread.removeFirst(min(count, unread.count)) }
        return Array(unread.prefix(count))
    }

    /// Reads until the client hangs up; the number of bytes that came.
    package func readToEnd() -> Int {
        var count = unread.count
        unread = []
        while fill() {
            count += unread.count
            unread = []
        }
        return count
    }

    /// Waits until the client hangs up, without reading, and no longer than so many milliseconds.
    package func waitForHangUp(atMost milliseconds: Int32 = 30_000) {
        // POLLRDHUP, which Glibc's module leaves out.
        var entry = pollfd(fd: peer, events: 0x2000, revents: 0)
        _ = unsafe poll(&entry, 1, milliseconds)
    }

    package func send(_ text: String) { send(Array(text.utf8)) }

    /// Sends `bytes` until the end or a failure; how far it came.
    @discardableResult
    package func send(_ bytes: [UInt8], from start: Int = 0) -> Int {
        var sent = start
        while sent < bytes.count {
            let count = push(bytes[sent..<min(sent + 262_144, bytes.count)])
            guard count > 0 else { break }
            sent += count
        }
        return sent
    }

    /// Sends `bytes` until none could be sent for a while; the number sent.
    package func sendUntilBlocked(_ bytes: [UInt8], milliseconds: Int) -> Int {
        setTimeout(SO_SNDTIMEO, milliseconds: milliseconds)
        defer { setTimeout(SO_SNDTIMEO, milliseconds: 30_000) }
        return send(bytes)
    }

    private func push(_ bytes: ArraySlice<UInt8>) -> Int {
        unsafe bytes.withUnsafeBytes { unsafe Glibc.send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    private func fill() -> Bool {
        var block = [UInt8](repeating: 0, count: 1 << 18)
        let count = unsafe block.withUnsafeMutableBytes { unsafe recv(peer, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return false }
        unread.append(contentsOf: block[..<count])
        return true
    }

    private func setTimeout(_ option: Int32, milliseconds: Int) {
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        _ = unsafe setsockopt(peer, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
    }
}
