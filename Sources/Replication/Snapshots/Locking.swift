internal import Synchronization

/// A value under a lock whose changes may throw.
final class Locking<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func change<Result: Sendable>(_ body: (inout Value) throws -> Result) throws -> Result {
        try value.withLock { value in try body(&value) }
    }
}
