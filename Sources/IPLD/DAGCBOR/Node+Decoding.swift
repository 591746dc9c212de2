internal import Multiformats

extension Node {
    /// The deepest nesting of lists and maps that is read or written.
    public static let deepest = 1024

    /// The most items that one block is read into unless said otherwise.
    public static let defaultItemLimit = 4_000_000

    /// Decodes DAG-CBOR (the DAG-CBOR specification, "Strictness").
    ///
    /// Go's implementation writes negative zero, which the strict form has not; lenient reading takes it.
    /// - Throws: `.malformed`, `.truncated`, `.tooDeep` below ``deepest`` levels, `.tooLarge` above `itemLimit` items.
    public init(
        cbor bytes: [UInt8],
        _ strictness: Strictness = .strict,
        itemLimit: Int = Node.defaultItemLimit
    ) throws(DecodingProblem) {
        var decoder = NodeDecoder(
            reader: WireReader(bytes),
            isStrict: strictness == .strict,
            itemsLeft: itemLimit
        )
        self = try decoder.decode()
    }
}

/// Decodes without recursion, so that hostile nesting cannot exhaust the stack.
private struct NodeDecoder {
    /// A list or map whose items are still being read.
    struct Container {
        let isMap: Bool
        var left: UInt64
        var items: [Node] = []
        var entries: [Node.Entry] = []
        var key: String?
    }

    var reader: WireReader
    let isStrict: Bool
    var itemsLeft: Int
    var open: [Container] = []

    mutating func decode() throws(DecodingProblem) -> Node {
        while true {
            itemsLeft -= 1
            guard itemsLeft >= 0 else { throw DecodingProblem(.tooLarge, "A dag-cbor block has too many items.") }
            if let container = open.last, container.isMap { try readKey() }
            guard let value = try item(), let root = try close(value) else { continue }
            guard reader.isAtEnd else {
                throw DecodingProblem(.malformed, "\(reader.remaining) bytes follow the dag-cbor item.")
            }
            return root
        }
    }

    /// Reads one item, or opens a container and gives nil.
    private mutating func item() throws(DecodingProblem) -> Node? {
        let head = try reader.head(strict: isStrict)
        switch head.major {
        case 0: return .integer(Int128(head.argument))
        case 1: return .integer(-1 - Int128(head.argument))
        case 2: return .bytes(Array(reader.bytes[try reader.take(head.argument)]))
        case 3: return .string(try text(head.argument))
        case 4, 5: return try open(head)
        case 6:
            guard head.argument == 42 else {
                throw DecodingProblem(.malformed, "Tag \(head.argument) does not exist in dag-cbor.")
            }
            let bytes = Array(reader.bytes[try reader.linkPayload(strict: isStrict)])
            return .link(try decoding { () throws(FormatProblem) in try CID(bytes: bytes) })
        default: return try simple(head)
        }
    }

    private mutating func open(_ head: CBORHead) throws(DecodingProblem) -> Node? {
        let isMap = head.major == 5
        guard head.argument > 0 else { return isMap ? .map([]) : .list([]) }
        guard open.count < Node.deepest else {
            throw DecodingProblem(.tooDeep, "A dag-cbor block is nested deeper than \(Node.deepest) levels.")
        }
        open.append(Container(isMap: isMap, left: head.argument))
        return nil
    }

    /// Puts a value into the innermost open container; gives the root once the outermost one is complete.
    private mutating func close(_ item: Node) throws(DecodingProblem) -> Node? {
        var value = item
        while !open.isEmpty {
            let top = open.count - 1
            if let key = open[top].key {
                open[top].entries.append(Node.Entry(key, value))
                open[top].key = nil
            } else {
                open[top].items.append(value)
            }
            open[top].left -= 1
            guard open[top].left == 0 else { return nil }
            let done = open.removeLast()
            value = done.isMap ? try map(done.entries) : .list(done.items)
        }
        return value
    }

    /// A map with its keys in order; a strict reader has seen that they are.
    private func map(_ entries: [Node.Entry]) throws(DecodingProblem) -> Node {
        guard !isStrict else { return .map(entries) }
        let sorted = entries.sorted { Node.isOrdered($0.key, before: $1.key) }
        for (left, right) in zip(sorted, sorted.dropFirst()) where !Node.isOrdered(left.key, before: right.key) {
            throw DecodingProblem(.malformed, "A dag-cbor map has the key \"\(left.key)\" twice.")
        }
        return .map(sorted)
    }

    private mutating func readKey() throws(DecodingProblem) {
        let head = try reader.head(strict: isStrict)
        guard head.major == 3 else { throw DecodingProblem(.malformed, "A dag-cbor map has a key that is no text.") }
        let key = try text(head.argument)
        let top = open.count - 1
        if isStrict, let last = open[top].entries.last?.key, !Node.isOrdered(last, before: key) {
            throw DecodingProblem(.malformed, "The keys of a dag-cbor map are not in order, or one is there twice.")
        }
        open[top].key = key
    }

    private mutating func text(_ length: UInt64) throws(DecodingProblem) -> String {
        let range = try reader.take(length)
        guard let text = String(validating: reader.bytes[range], as: UTF8.self) else {
            throw DecodingProblem(.malformed, "A dag-cbor text is not valid UTF-8.")
        }
        return text
    }

    private func simple(_ head: CBORHead) throws(DecodingProblem) -> Node {
        switch head.info {
        case 20: return .bool(false)
        case 21: return .bool(true)
        case 22: return .null
        case 25 where !isStrict:
            return try float(Double(Float16(bitPattern: UInt16(truncatingIfNeeded: head.argument))))
        case 26 where !isStrict: return try float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: head.argument))))
        case 27: return try float(Double(bitPattern: head.argument))
        default:
            throw DecodingProblem(.malformed, "A dag-cbor item is a short float or a simple value that does not exist.")
        }
    }

    private func float(_ value: Double) throws(DecodingProblem) -> Node {
        guard value.isFinite, !isStrict || value != 0 || value.sign == .plus else {
            throw DecodingProblem(.malformed, "A dag-cbor float is infinite, not a number, or negative zero.")
        }
        return .float(value)
    }
}
