internal import Multiformats

extension Node {
    /// Decodes DAG-JSON (the DAG-JSON specification); white space is passed over.
    ///
    /// - Throws: `.malformed` for what is no JSON, a key that is there twice, a reserved form that is no link and no
    ///   bytes, and an integer outside the data model; `.tooDeep` below ``deepest`` levels; `.tooLarge` above
    ///   `itemLimit` items.
    public init(json bytes: [UInt8], itemLimit: Int = Node.defaultItemLimit) throws(DecodingProblem) {
        var decoder = JSONNodeDecoder(reader: JSONReader(bytes), itemsLeft: itemLimit, keepsValues: true)
        self = try decoder.decode()
    }
}

/// The links of a dag-json block in the order in which they stand, which is not always that of the keys in a ``Node``.
///
/// - Throws: what ``Node/init(json:itemLimit:)`` does. No values are kept, so that a block of many small ones does not
///   take
///   many times its length in memory.
func linksOfJSON(_ bytes: [UInt8]) throws(DecodingProblem) -> [CID] {
    var decoder = JSONNodeDecoder(reader: JSONReader(bytes), itemsLeft: .max, keepsValues: false)
    if case .link(let cid) = try decoder.decode() { return [cid] }
    return decoder.links
}

/// Decodes without recursion, so that hostile nesting cannot exhaust the stack.
private struct JSONNodeDecoder {
    /// A list or map whose items are still being read.
    struct Container {
        let isMap: Bool
        var items: [Node] = []
        var entries: [Node.Entry] = []
        var key = ""
    }

    var reader: JSONReader
    var itemsLeft: Int
    /// Whether a value is wanted; else only its links are, and no more is kept than it takes to tell them.
    let keepsValues: Bool
    var links: [CID] = []
    var open: [Container] = []

    mutating func decode() throws(DecodingProblem) -> Node {
        while true {
            itemsLeft -= 1
            guard itemsLeft >= 0 else { throw DecodingProblem(.tooLarge, "A dag-json block has too many items.") }
            guard let value = try item(), let root = try close(value) else { continue }
            guard reader.peek() == nil else { throw reader.malformed("goes on after its value") }
            return root
        }
    }

    /// Reads one item, or opens a container and gives nil.
    private mutating func item() throws(DecodingProblem) -> Node? {
        guard let byte = reader.peek() else { throw DecodingProblem(.truncated, "The JSON text ends inside a value.") }
        switch byte {
        case UInt8(ascii: "{"): return try open(isMap: true, end: UInt8(ascii: "}"))
        case UInt8(ascii: "["): return try open(isMap: false, end: UInt8(ascii: "]"))
        case UInt8(ascii: "\""): return .string(try reader.string())
        case UInt8(ascii: "t"):
            try reader.take("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try reader.take("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try reader.take("null")
            return .null
        default: return try number()
        }
    }

    private mutating func number() throws(DecodingProblem) -> Node {
        let (text, isFloat) = try reader.number()
        if isFloat {
            guard let value = Double(text), value.isFinite else { throw reader.malformed("has a float out of range") }
            return .float(value)
        }
        guard let value = Int128(text), UInt64(exactly: value < 0 ? -1 - value : value) != nil else {
            throw reader.malformed("has an integer out of range")
        }
        return .integer(value)
    }

    private mutating func open(isMap: Bool, end: UInt8) throws(DecodingProblem) -> Node? {
        try reader.take(isMap ? UInt8(ascii: "{") : UInt8(ascii: "["))
        if reader.peek() == end {
            try reader.take(end)
            return isMap ? .map([]) : .list([])
        }
        // Links and bytes are maps in JSON, one and two levels of them, and are none in the value.
        guard open.count < Node.deepest + (isMap ? 2 : 0) else { throw tooDeep }
        open.append(Container(isMap: isMap))
        if isMap { try key() }
        return nil
    }

    private var tooDeep: DecodingProblem {
        DecodingProblem(.tooDeep, "A dag-json block is nested deeper than \(Node.deepest) levels.")
    }

    private mutating func key() throws(DecodingProblem) {
        _ = reader.peek()
        let key = try reader.string()
        try reader.take(UInt8(ascii: ":"))
        open[open.count - 1].key = key
    }

    /// Puts a value into the innermost open container; gives the root once the outermost one is complete.
    private mutating func close(_ item: Node) throws(DecodingProblem) -> Node? {
        var value = item
        while let top = open.indices.last {
            let isMap = open[top].isMap
            put(value, top)
            if reader.peek() == UInt8(ascii: ",") {
                try reader.take(UInt8(ascii: ","))
                if isMap { try key() }
                return nil
            }
            try reader.take(isMap ? UInt8(ascii: "}") : UInt8(ascii: "]"))
            let done = open.removeLast()
            value = isMap ? try map(done.entries) : .list(done.items)
        }
        return value
    }

    /// Puts a value into an open container, in place: a copy of the container would cost its length for each item.
    private mutating func put(_ value: Node, _ top: Int) {
        if !keepsValues, case .link(let cid) = value { links.append(cid) }
        guard open[top].isMap else {
            if keepsValues { open[top].items.append(value) }
            return
        }
        // Under these keys stands what may make a link or bytes of a map.
        let isKept = keepsValues || open[top].key == "/" || open[top].key == "bytes"
        open[top].entries.append(Node.Entry(open[top].key, isKept ? value : .null))
    }

    /// A map, or the link or the bytes that it stands for.
    private func map(_ entries: [Node.Entry]) throws(DecodingProblem) -> Node {
        let sorted = entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.key.utf8.elementsEqual(right.key.utf8) {
            throw reader.malformed("has the key \"\(left.key)\" twice in a map")
        }
        if let first = sorted.first, first.key == "/" {
            if case .string(let text) = first.value { return try link(text, alone: sorted.count == 1) }
            if case .map(let inner) = first.value, Node.isReserved(sorted) {
                return try bytes(inner, alone: sorted.count == 1)
            }
        }
        guard open.count < Node.deepest || isInBytes(entries) else { throw tooDeep }
        return .map(keepsValues ? entries.sorted { Node.isOrdered($0.key, before: $1.key) } : entries)
    }

    /// Whether a map is the inner one of those that bytes are written with, so that it is no level of the value.
    private func isInBytes(_ entries: [Node.Entry]) -> Bool {
        guard entries.count == 1, entries[0].key == "bytes", case .string = entries[0].value else { return false }
        return open.count == Node.deepest + 1 && open.last?.key == "/"
    }

    private func link(_ text: String, alone: Bool) throws(DecodingProblem) -> Node {
        guard alone else { throw reader.malformed("has a link with more beside it") }
        return .link(try decoding { () throws(FormatProblem) in try CID(text) })
    }

    private func bytes(_ inner: [Node.Entry], alone: Bool) throws(DecodingProblem) -> Node {
        guard alone, inner.count == 1, case .string(let text)? = inner.first?.value else {
            throw reader.malformed("has bytes with more beside them")
        }
        // Padding is not written, but old data have it.
        let digits = text.hasSuffix("=") ? String(text.prefix { $0 != "=" }) : text
        return .bytes(try decoding { () throws(FormatProblem) in try Multibase.base64.decodeWithoutPrefix(digits) })
    }
}
