internal import Multiformats

extension Node {
    /// Decodes DAG-JSON (the DAG-JSON specification); white space is passed over.
    ///
    /// - Throws: `.malformed` for what is no JSON, a key that is there twice, a reserved form that is no link and no
    ///   bytes, and an integer outside the data model; `.tooDeep` below ``deepest`` levels; `.tooLarge` above
    ///   `itemLimit` items.
    public init(json bytes: [UInt8], itemLimit: Int = Node.defaultItemLimit) throws(DecodingProblem) {
        var decoder = JSONNodeDecoder(reader: JSONReader(bytes), itemsLeft: itemLimit)
        self = try decoder.decode()
    }
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
        guard open.count < Node.deepest else {
            throw DecodingProblem(.tooDeep, "A dag-json block is nested deeper than \(Node.deepest) levels.")
        }
        try reader.take(isMap ? UInt8(ascii: "{") : UInt8(ascii: "["))
        if reader.peek() == end {
            try reader.take(end)
            return isMap ? .map([]) : .list([])
        }
        open.append(Container(isMap: isMap))
        if isMap { try key() }
        return nil
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
        while let container = open.last {
            let top = open.count - 1
            if container.isMap {
                open[top].entries.append(Node.Entry(container.key, value))
            } else {
                open[top].items.append(value)
            }
            if reader.peek() == UInt8(ascii: ",") {
                try reader.take(UInt8(ascii: ","))
                if container.isMap { try key() }
                return nil
            }
            try reader.take(container.isMap ? UInt8(ascii: "}") : UInt8(ascii: "]"))
            let done = open.removeLast()
            value = done.isMap ? try map(done.entries) : .list(done.items)
        }
        return value
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
        return .map(entries.sorted { Node.isOrdered($0.key, before: $1.key) })
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
