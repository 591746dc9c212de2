internal import Synchronization

/// A small value under a lock; never held across a suspension.
package final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    package init(_ value: Value) { self.value = Mutex(value) }

    /// A look at the value.
    package func read<Result: Sendable>(_ body: (Value) -> Result) -> Result {
        value.withLock { body($0) }
    }

    /// A change of the value.
    @discardableResult
    package func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { value in body(&value) }
    }
}
