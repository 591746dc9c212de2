internal import IPLD
internal import Multiformats

/// A dag-pb node has one canonical form, and its value in the data model leads back to it.
func checkDAGPB(_ bytes: [UInt8]) throws(BrokenLaw) {
    let block = Block(cid: CID.v1(.dagPB, .sha256(of: [UInt8]())), bytes: bytes)
    let linked = try? links(of: block)
    guard let node = try? PBNode(bytes) else {
        return try law(linked == nil, "Links are read out of nothing but a node.")
    }
    try law(linked == node.links.map(\.cid), "The links of a block are those of its node.")
    let encoded = node.encoded()
    let again = try must("The canonical form of a node is a node.") { () throws(DecodingProblem) in
        try PBNode(encoded)
    }
    try law(again.encoded() == encoded, "The canonical form of a node is its own.")
    try law(encoded.count <= bytes.count, "No form of a node is shorter than the canonical one.")
    try law(again.data == node.data, "A node keeps its data.")
    try law(Set(again.links) == Set(node.links), "A node keeps its links.")
    try law((try? recoded(bytes, from: .dagPB, to: .dagPB)) == encoded, "A node is written as the same node.")
    let isText = again.links.allSatisfy { $0.name.map { String(validating: $0, as: UTF8.self) != nil } ?? true }
    let value = try? Node(again)
    try law((value != nil) == isText, "A node has a value where its names are text, and nowhere else.")
    guard let value else { return }
    try law((try? value.encoded(as: .dagPB)) == encoded, "The value of a node is written as the same node.")
}

/// Strict dag-cbor has one form; what is read leniently has one too.
func checkDAGCBOR(_ bytes: [UInt8]) throws(BrokenLaw) {
    let strict = try? Node(cbor: bytes)
    let lenient = try? Node(cbor: bytes, .lenient)
    if let strict {
        try law((try? strict.cbor()) == bytes, "Strict dag-cbor is written as the bytes it was read from.")
        try law(lenient == strict, "What is read strictly is read leniently too.")
    }
    guard let lenient else { return }
    let canonical = try must("Lenient dag-cbor has a canonical form.") { () throws(DecodingProblem) in
        try lenient.cbor()
    }
    try law((try? Node(cbor: canonical)) == lenient, "The canonical form of dag-cbor is read strictly.")
    var found: [CID] = []
    lenient.forEachLink { found.append($0) }
    let linked = try must("The links of dag-cbor can be read.") { () throws(DecodingProblem) in
        try links(of: Block(cid: CID.v1(.dagCBOR, .sha256(of: [UInt8]())), bytes: bytes))
    }
    try law(Set(linked) == Set(found) && linked.count == found.count, "The links of a block are those of its value.")
    try checkJSON(of: lenient)
}

/// dag-json is read back from what is written of it, and so is the same value in dag-cbor.
func checkDAGJSON(_ bytes: [UInt8]) throws(BrokenLaw) {
    let linked = try? links(of: Block(cid: CID.v1(.dagJSON, .sha256(of: [UInt8]())), bytes: bytes))
    guard let node = try? Node(json: bytes) else {
        return try law(
            linked == nil || bytes.count > Node.defaultItemLimit,
            "Links are read out of nothing but a value."
        )
    }
    var found: [CID] = []
    node.forEachLink { found.append($0) }
    try law(
        linked.map { Set($0) == Set(found) && $0.count == found.count } ?? false,
        "The links are those of the value."
    )
    let isShort = try checkJSON(of: node)
    if isShort { try law((try? node.json()) != nil, "What is read as dag-json can be written as it.") }
    let encoded = try must("What is read as dag-json can be written as dag-cbor.") { () throws(DecodingProblem) in
        try node.cbor()
    }
    try law((try? Node(cbor: encoded)) == node, "A value of dag-json is the same in dag-cbor.")
}

/// Says whether the value can be written so that it can be read: a link whose text is too long cannot.
@discardableResult
private func checkJSON(of node: Node) throws(BrokenLaw) -> Bool {
    var isShort = true
    node.forEachLink { if $0.bytes.count > CID.longestText / 2 { isShort = false } }
    guard isShort, let json = try? node.json() else { return isShort }
    let again = try must("What is written as dag-json can be read.") { () throws(DecodingProblem) in
        try Node(json: json)
    }
    try law(again == node, "A value is read back from its dag-json.")
    try law((try? again.json()) == json, "A value has one form in dag-json.")
    return true
}
