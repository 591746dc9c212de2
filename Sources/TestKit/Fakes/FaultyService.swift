package import Schema
package import Storage

/// A service that goes wrong as a script says, and writes down what it was asked.
package final class FaultyService: StorageService {
    private let base: any StorageService
    private let script: [Fault]
    private let log = Locked<[String]>([])
    private let counts = Locked<[Fault.Call: Int]>([:])

    /// A service over `base` in which the faults of `script` happen.
    package init(_ base: any StorageService, _ script: [Fault] = []) {
        self.base = base
        self.script = script
    }

    package var capabilities: Capabilities { base.capabilities }
    package var limits: Limits { base.limits }

    /// What the service was asked so far: `put a/b`, `get a/b 3..<10`.
    package var calls: [String] { log.read { $0 } }

    /// How often it was asked for something.
    package func count(_ call: Fault.Call) -> Int { counts.read { $0[call] ?? 0 } }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await run(.put, "put \(name)") { (effect) async throws(StorageError) in
            guard case .alter(let change) = effect else { return try await base.put(name, body) }
            var altered = Body(change(try await body.bytes()))
            altered.metadata = body.metadata
            return try await base.put(name, altered)
        }
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let place = range.map { " \($0)" } ?? ""
        return try await run(.get, "get \(name)\(place)") { (effect) async throws(StorageError) in
            let object = try await base.get(name, range, version: version)
            switch effect {
            case .breakAfter(let count, let error): return object.through { Self.cut($0, after: count, error) }
            case .endAfter(let count): return object.through { Self.cut($0, after: count, nil) }
            case .alter(let change):
                let bytes = change(try await collect(object.stream, limit: 1 << 30))
                return object.through { _ in Body(bytes).open() }
            case .forgetVersion: return OpenObject(object.stream, length: object.length, version: nil)
            default: return object
            }
        }
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await run(.stat, "stat \(name)") { (_) async throws(StorageError) in try await base.stat(name) }
    }

    package func versions(of name: ObjectName) -> any VersionStream { base.versions(of: name) }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        kept id: String
    ) async throws(StorageError) -> OpenObject {
        try await run(.get, "get \(name) \(id)") { (_) async throws(StorageError) in
            try await base.get(name, range, kept: id)
        }
    }

    package func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        try await run(.stat, "stat \(name) \(id)") { (_) async throws(StorageError) in
            try await base.stat(name, kept: id)
        }
    }

    package func list(_ prefix: String) -> any ObjectStream {
        Pulled { [self] in
            let cursor = StreamCursor(self.base.list(prefix))
            return { () async throws(StorageError) in
                try await self.run(.page, "page \(prefix)") { (effect) async throws(StorageError) in
                    let page = try await cursor.next()
                    switch effect {
                    case .hide(let isHidden): return page?.filter { !isHidden($0) }
                    case .duplicate: return page.map { $0 + $0 }
                    default: return page
                    }
                }
            }
        }
    }

    package func delete(_ name: ObjectName) async throws(StorageError) {
        try await run(.delete, "delete \(name)") { (_) async throws(StorageError) in try await base.delete(name) }
    }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await run(.clear, "clear \(name)\(mayResume ? " for more" : "")") { (_) async throws(StorageError) in
            try await base.clear(name, mayResume: mayResume)
        }
    }

    package func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        try await base.url(name, until: end)
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        try await run(.usage, "usage") { (_) async throws(StorageError) in try await base.usage(mayWalk: mayWalk) }
    }

    private func run<Value: Sendable>(
        _ call: Fault.Call,
        _ text: String,
        _ work: (Fault.Effect?) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        log.change { $0.append(text) }
        let time = counts.change { counts in
            counts[call, default: 0] += 1
            return counts[call, default: 0]
        }
        let effect = script.first { $0.call == call && $0.times.contains(time) }?.effect
        switch effect {
        case .fail(let error): throw error
        case .hang: do { try await hangUntilCancelled() } catch { throw StorageError.cancelled }
        default: break
        }
        let value = try await work(effect)
        if case .loseReply(let error) = effect { throw error }
        return value
    }

    /// The stream up to `count` bytes; then the error, or an end where there is none.
    private static func cut(_ stream: any ByteStream, after count: Int, _ error: StorageError?) -> any ByteStream {
        Pulled {
            let cursor = StreamCursor(stream)
            let left = Locked<Int?>(count)
            return { () async throws(StorageError) in
                // After it broke the stream has an end, as many real ones do.
                guard let room = left.read({ $0 }) else { return nil }
                if room > 0, let chunk = try await cursor.next() {
                    left.change { $0 = room - min(room, chunk.count) }
                    return Array(chunk.prefix(room))
                }
                left.change { $0 = nil }
                if let error { throw error }
                return nil
            }
        }
    }
}
