package import Storage

/// One thing that goes wrong in a `FaultyService`, and when.
package struct Fault: Sendable {
    /// A kind of call.
    package enum Call: Sendable, Hashable, CaseIterable {
        case put, get, stat, page, delete, clear, usage
    }

    /// What happens.
    package enum Effect: Sendable {
        /// The service is not asked, and the call fails.
        case fail(StorageError)
        /// The service does its work, and the reply is lost.
        case loseReply(StorageError)
        /// The stream of a read breaks after so many bytes.
        case breakAfter(Int, StorageError)
        /// The stream of a read ends after so many bytes, as if that were all.
        case endAfter(Int)
        /// A read does not say which version it gives.
        case forgetVersion
        /// The call waits until it is cancelled.
        case hang
        /// A page of a list lacks what the function says no to.
        case hide(@Sendable (ObjectInfo) -> Bool)
        /// A page of a list has everything twice.
        case duplicate
        /// The bytes of a read or an upload are changed.
        case alter(@Sendable ([UInt8]) -> [UInt8])
    }

    let call: Call
    let times: ClosedRange<Int>
    let effect: Effect

    /// What happens at the `time`th call of this kind, counted from 1.
    package init(_ call: Call, time: Int, _ effect: Effect) {
        self.init(call, times: time...time, effect)
    }

    /// What happens at all calls of this kind, or those whose number, counted from 1, is among `times`.
    package init(_ call: Call, times: ClosedRange<Int> = 1...Int.max, _ effect: Effect) {
        self.call = call
        self.times = times
        self.effect = effect
    }
}

extension StorageError {
    /// A failure that may pass.
    package static let passing = StorageError(.unavailable, "The service is down for a moment.", retry: .later)
    /// A failure that stays.
    package static let lasting = StorageError(.permissionDenied, "The service says no.")
}
