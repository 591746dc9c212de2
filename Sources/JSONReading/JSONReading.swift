internal import JSONShim

/// What stands in a JSON text, one after another.
package enum JSONEvent: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A whole number that is too large for `integer`.
    case natural(UInt64)
    case real(Double)
    case string(String)
    /// The name of a member, whose value comes next.
    case name(String)
    case object
    case objectEnd
    case array
    case arrayEnd
}

/// Reads one value and gives what stands in it to `take`, in order; what was given before an error counts for nothing.
///
/// Whole numbers are exact or refused, and so are names that stand twice in an object.
package func readJSON(
    _ bytes: some Sequence<UInt8>,
    limits: JSONLimits = JSONLimits(),
    _ take: (JSONEvent) -> Void
) throws(JSONError) {
    let bytes = Array(bytes)
    guard bytes.count <= limits.bytes else {
        throw .tooLarge("more than \(limits.bytes) bytes")
    }
    // The parser takes a zero for the end, whatever follows it, and passes over a byte order mark.
    if let zero = bytes.firstIndex(of: 0) { throw .malformed(after: zero) }
    guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else { throw .malformed(after: 0) }
    var place = 0
    let (result, refusal) = withoutActuallyEscaping(take) { take in
        let reader = JSONReader(limits: limits, take: take)
        let result = unsafe bytes.withUnsafeBytes { buffer in
            unsafe json_shim_read(
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                buffer.count,
                Unmanaged.passUnretained(reader).toOpaque(),
                { (context, event) in unsafe pass(event, to: context) },
                &place
            )
        }
        return (result, reader.refusal)
    }
    if let refusal { throw refusal }
    switch result {
    case JSON_SHIM_DONE: return
    case JSON_SHIM_NO_MEMORY: throw .tooLarge("more than there is memory for")
    default: throw .malformed(after: place)
    }
}

private func pass(_ event: UnsafePointer<json_shim_event>?, to context: UnsafeMutableRawPointer?) -> Bool {
    guard let event = unsafe event, let context = unsafe context else { return false }
    return unsafe Unmanaged<JSONReader>.fromOpaque(context).takeUnretainedValue().add(JSONEvent(event.pointee))
}

extension JSONEvent {
    /// The event in Swift's types; nil for a whole number that no integer holds.
    fileprivate init?(_ event: json_shim_event) {
        // The parser lets no other bytes through than those of UTF-8.
        let bytes = unsafe UnsafeRawBufferPointer(start: event.text, count: event.length)
        let text = unsafe String(decoding: bytes, as: UTF8.self)
        switch unsafe event.kind {
        case JSON_SHIM_NULL: self = .null
        case JSON_SHIM_FALSE: self = .bool(false)
        case JSON_SHIM_TRUE: self = .bool(true)
        case JSON_SHIM_INTEGER: self = unsafe .integer(event.integer)
        case JSON_SHIM_NATURAL:
            let number = unsafe event.natural
            self = Int64(exactly: number).map { .integer($0) } ?? .natural(number)
        case JSON_SHIM_REAL:
            // A whole number comes as this where it is too large.
            guard text.utf8.contains(where: { ".eE".utf8.contains($0) }) else { return nil }
            self = unsafe .real(event.real)
        case JSON_SHIM_STRING: self = .string(text)
        case JSON_SHIM_KEY: self = .name(text)
        case JSON_SHIM_OBJECT: self = .object
        case JSON_SHIM_OBJECT_END: self = .objectEnd
        case JSON_SHIM_ARRAY: self = .array
        default: self = .arrayEnd
        }
    }
}

/// Keeps the limits while the parser gives its events.
private final class JSONReader {
    /// Why the text is refused.
    private(set) var refusal: JSONError?

    private let limits: JSONLimits
    private let take: (JSONEvent) -> Void
    private var count = 0
    /// The names that each open object has so far; an array has none.
    private var open: [Set<String>] = []

    init(limits: JSONLimits, take: @escaping (JSONEvent) -> Void) {
        self.limits = limits
        self.take = take
    }

    /// Takes an event, or nil for a number that is too large; false where the text is refused.
    func add(_ event: JSONEvent?) -> Bool {
        do throws(JSONError) {
            guard let event else { throw .numberTooLarge }
            try check(event)
            take(event)
            return true
        } catch {
            refusal = error
            return false
        }
    }

    private func check(_ event: JSONEvent) throws(JSONError) {
        count += 1
        guard count <= limits.values else { throw .tooLarge("more than \(limits.values) values") }
        switch event {
        case .name(let name):
            guard open[open.count - 1].insert(name).inserted else { throw .repeatedName }
        case .object, .array:
            open.append([])
            guard open.count <= limits.depth else { throw .tooDeep(limits.depth) }
        case .objectEnd, .arrayEnd: open.removeLast()
        default: break
        }
    }
}
