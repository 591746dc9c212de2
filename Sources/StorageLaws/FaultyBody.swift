internal import Samples
internal import Storage

/// The ways in which the source of an upload goes wrong.
enum FaultyBody: String, CaseIterable, Sendable {
    case endsEarly = "ends early"
    case givesTooMuch = "gives too much"
    case breaks = "breaks in the middle"

    /// A body of `length` bytes, as it says, that goes wrong at its end or middle.
    func body(_ length: Int) -> Body {
        let bytes = sampleBytes(length)
        return Body(length: UInt64(length)) { range in
            let part = Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
            // Only the last part is at fault, so those before it were already taken when the fault shows.
            guard range.upperBound == UInt64(length), !part.isEmpty else { return Body(part).open() }
            return switch self {
            case .endsEarly: Body(Array(part.dropLast())).open()
            case .givesTooMuch: Body(part + [0]).open()
            case .breaks: broken(after: Array(part.prefix(part.count / 2)))
            }
        }
    }

    private func broken(after bytes: [UInt8]) -> any ByteStream {
        Pulled {
            let once = Once(bytes)
            return { () async throws(StorageError) in
                guard let bytes = once.take(), !bytes.isEmpty else {
                    throw StorageError(.unexpected, "The source of the upload broke, as the law wanted.")
                }
                return bytes
            }
        }
    }
}

/// A body of `length` bytes that stops at half of its last part until the task is cancelled, and opens the gate then.
///
/// After a minute it breaks by itself, so that a service that does not stop breaks the law instead of hanging; on a
/// busy machine whoever stops it may come late.
func stalledBody(_ length: Int, reached: Gate) -> Body {
    let bytes = sampleBytes(length)
    return Body(length: UInt64(length)) { range in
        let part = Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
        guard range.upperBound == UInt64(length) else { return Body(part).open() }
        return Pulled {
            let once = Once(Array(part.prefix(part.count / 2)))
            return { () async throws(StorageError) in
                if let bytes = once.take(), !bytes.isEmpty { return bytes }
                reached.open()
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    throw StorageError.cancelled
                }
                throw StorageError(.unexpected, "The upload was stopped and went on for a minute.")
            }
        }
    }
}
