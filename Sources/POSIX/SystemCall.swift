internal import Glibc

/// What came of a system call: its result, and the number of its error, or zero.
struct SystemAnswer<Value> {
    let value: Value
    let number: Int32

    /// The result; throws what failed, and where.
    func get(_ operation: String, _ path: @autoclosure () -> String) throws(FileError) -> Value {
        guard number == 0 else { throw FileError(operation, path(), number) }
        return value
    }
}

/// How often in a row a call may be interrupted: by signals now and then, without end only by something that is broken.
private let maxInterruptions = 128

/// Makes a system call that answers below zero when it fails, and again when it was interrupted.
@inline(__always)
func systemCall<Value: SignedInteger>(_ call: () -> Value) -> SystemAnswer<Value> {
    let answer = systemCall(failing: { $0 < 0 }, call)
    // A failure without a number is a failure all the same.
    return answer.value < 0 && answer.number == 0 ? SystemAnswer(value: answer.value, number: EIO) : answer
}

/// Makes a system call, and again when it was interrupted: the one place where the system's error number is read.
///
/// It is read before anything else happens, and it is zero unless this very call set it.
@inline(__always)
func systemCall<Value>(failing isFailure: (Value) -> Bool, _ call: () -> Value) -> SystemAnswer<Value> {
    var interruptions = 0
    while true {
        errno = 0
        let value = call()
        let number = errno
        guard isFailure(value) else { return SystemAnswer(value: value, number: 0) }
        interruptions += 1
        if number != EINTR || interruptions > maxInterruptions { return SystemAnswer(value: value, number: number) }
    }
}
