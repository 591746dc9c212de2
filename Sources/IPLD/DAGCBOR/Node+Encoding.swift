internal import Multiformats

extension Node {
    /// The canonical bytes, as DAG-CBOR.
    ///
    /// Negative zero, which strict reading refuses, is written as the zero that it equals; the lenient form keeps it,
    /// as Go's implementation does, and is canonical in all else.
    /// - Throws: `.malformed` for an integer or float outside the data model or a key that is there twice; `.tooDeep`.
    public func cbor(_ strictness: Strictness = .strict) throws(DecodingProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        try append(to: &bytes, strictness, depth: 0)
        return bytes
    }

    /// The order of map keys: shorter first, then by bytes.
    static func isOrdered(_ left: String, before right: String) -> Bool {
        let (leftCount, rightCount) = (left.utf8.count, right.utf8.count)
        return leftCount == rightCount ? left.utf8.lexicographicallyPrecedes(right.utf8) : leftCount < rightCount
    }

    private func append(to bytes: inout [UInt8], _ strictness: Strictness, depth: Int) throws(DecodingProblem) {
        guard depth <= Self.deepest else {
            throw DecodingProblem(.tooDeep, "A value is nested deeper than \(Self.deepest) levels.")
        }
        switch self {
        case .null: bytes.append(0xF6)
        case .bool(let value): bytes.append(value ? 0xF5 : 0xF4)
        case .integer(let value): try Self.append(value, to: &bytes)
        case .float(let value):
            guard value.isFinite else { throw DecodingProblem(.malformed, "dag-cbor holds finite floats only.") }
            bytes.append(0xFB)
            CBORHead.append(value == 0 && strictness == .strict ? 0 : value.bitPattern, width: 8, to: &bytes)
        case .string(let value):
            CBORHead.append(major: 3, UInt64(value.utf8.count), to: &bytes)
            bytes.append(contentsOf: value.utf8)
        case .bytes(let value):
            CBORHead.append(major: 2, UInt64(value.count), to: &bytes)
            bytes.append(contentsOf: value)
        case .list(let items):
            CBORHead.append(major: 4, UInt64(items.count), to: &bytes)
            for item in items { try item.append(to: &bytes, strictness, depth: depth + 1) }
        case .map(let entries): try Self.append(entries, to: &bytes, strictness, depth: depth)
        case .link(let cid):
            bytes.append(contentsOf: [0xD8, 42])
            CBORHead.append(major: 2, UInt64(cid.bytes.count + 1), to: &bytes)
            bytes.append(0)
            bytes.append(contentsOf: cid.bytes)
        }
    }

    private static func append(
        _ entries: [Entry],
        to bytes: inout [UInt8],
        _ strictness: Strictness,
        depth: Int
    ) throws(DecodingProblem) {
        let entries = entries.sorted { isOrdered($0.key, before: $1.key) }
        for (left, right) in zip(entries, entries.dropFirst()) where !isOrdered(left.key, before: right.key) {
            throw DecodingProblem(.malformed, "A map has the key \"\(left.key)\" twice.")
        }
        CBORHead.append(major: 5, UInt64(entries.count), to: &bytes)
        for entry in entries {
            CBORHead.append(major: 3, UInt64(entry.key.utf8.count), to: &bytes)
            bytes.append(contentsOf: entry.key.utf8)
            try entry.value.append(to: &bytes, strictness, depth: depth + 1)
        }
    }

    private static func append(_ value: Int128, to bytes: inout [UInt8]) throws(DecodingProblem) {
        guard let argument = UInt64(exactly: value < 0 ? -1 - value : value) else {
            throw DecodingProblem(.malformed, "The integer \(value) does not fit dag-cbor.")
        }
        CBORHead.append(major: value < 0 ? 1 : 0, argument, to: &bytes)
    }
}
