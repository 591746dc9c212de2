internal import Synchronization

/// A value that can be taken once.
package final class Once<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    package init(_ value: Value?) { self.value = Mutex(value) }

    /// The value at the first call, nil afterwards.
    package func take() -> Value? {
        value.withLock { $0.take() }
    }
}
