internal import IPLD
internal import Multiformats

/// An index ends, and finds what was added to it; the input is taken for an index, and for sections to add to one.
func checkIndex(_ bytes: [UInt8]) throws(BrokenLaw) {
    if let reader = try? CARIndexReader(bytes) {
        try law(reader.count <= UInt64(bytes.count / 8), "An index has no more entries than it has room for.")
        for length in [0, 1, 20, 32] where length <= bytes.count {
            let digest = Array(bytes.suffix(length + 8).prefix(length))
            for code in [HashCode.sha256, .identity] {
                guard let hash = try? Multihash(code: code, digest: digest) else { continue }
                let found = (try? reader.offsets(of: hash)) ?? []
                try law(found.count <= Int(reader.count), "No more is found than there is.")
            }
        }
    }
    try checkWriting(sections(bytes))
}

/// Sections as the input spells them: a code, a length, a digest of that length and an offset each.
private func sections(_ bytes: [UInt8]) -> [(hash: Multihash, offset: UInt64)] {
    let codes: [HashCode] = [.sha256, .identity, .sha512, HashCode(rawValue: 0xFFFF)]
    var sections: [(hash: Multihash, offset: UInt64)] = []
    var rest = bytes[...]
    while rest.count >= 3, sections.count < 20 {
        let (kind, length, offset) = (Int(rest.removeFirst()), Int(rest.removeFirst()) % 40, rest.removeFirst())
        let digest = Array(rest.prefix(length))
        rest = rest.dropFirst(length)
        if let hash = try? Multihash(code: codes[kind % codes.count], digest: digest) {
            sections.append((hash, UInt64(offset)))
        }
    }
    return sections
}

private func checkWriting(_ sections: [(hash: Multihash, offset: UInt64)]) throws(BrokenLaw) {
    var index = CARIndex()
    for (hash, offset) in sections { index.add(CID.v1(.raw, hash), offset: offset, isFullyIndexed: true) }
    for format in CARIndex.Format.allCases {
        let encoded = index.encoded(format)
        let reader = try must("An index that is written can be read.") { () throws(DecodingProblem) in
            try CARIndexReader(encoded)
        }
        try law(reader.format == format && reader.count == UInt64(sections.count), "An index keeps every section.")
        for (hash, _) in sections {
            let same = sections.filter {
                format == .sorted ? $0.hash.digest.elementsEqual(hash.digest) : $0.hash == hash
            }
            let found = (try? reader.offsets(of: hash)) ?? []
            try law(found == same.map(\.offset).sorted(), "A section is found by its hash.")
        }
    }
}
