internal import CPOSIX
internal import Glibc

/// A counter that threads can wait on until it moves.
///
/// The count is only touched with the mutex held, and the two pointers never change: that is what makes it `Sendable`.
@safe
final class Condition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var count: UInt64 = 0

    init() {
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// The count now.
    func generation() -> UInt64 {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return count
    }

    /// Moves the count and wakes every waiter.
    func signal() {
        unsafe pthread_mutex_lock(mutex)
        count += 1
        unsafe pthread_mutex_unlock(mutex)
        // Whoever wakes must not find the mutex taken.
        unsafe pthread_cond_broadcast(condition)
    }

    /// Waits until the count is no longer `seen`.
    func wait(past seen: UInt64) {
        unsafe pthread_mutex_lock(mutex)
        while count == seen { unsafe pthread_cond_wait(condition, mutex) }
        unsafe pthread_mutex_unlock(mutex)
    }
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a thread that runs `body` and is never waited for; false where the system refuses one more.
package func startDetachedThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    unsafe pthread_attr_setstacksize(&attributes, 1 << 20)
    defer { unsafe pthread_attr_destroy(&attributes) }
    let argument = unsafe Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    var thread = pthread_t()
    let result = unsafe pthread_create(
        &thread,
        &attributes,
        { argument in
            guard let argument = unsafe argument else { return nil }
            unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        },
        argument
    )
    if result != 0 { unsafe Unmanaged<ThreadBody>.fromOpaque(argument).release() }
    return result == 0
}
