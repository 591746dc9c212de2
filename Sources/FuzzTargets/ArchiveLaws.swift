internal import IPLD
internal import Multiformats

/// What came out of an archive: events and problems of single blocks, in order, and what ended the reading.
private struct Reading: Equatable {
    var events: [CARParser.Event] = []
    var problems: [DecodingProblem] = []
    var end: DecodingProblem?
    var extraneous: UInt64 = 0
    var container: CARContainer?

    var blocks: [Block] {
        sections.map(\.block)
    }

    var sections: [CARSection] {
        events.compactMap { if case .section(let section) = $0 { section } else { nil } }
    }

    var roots: [CID]? { if case .header(let header)? = events.first { header.roots } else { nil } }

    var isClean: Bool { problems.isEmpty && end == nil }
}

/// An archive is the same whatever the pieces it comes in, and one that is written again says the same.
func checkCARv1(_ bytes: [UInt8]) throws(BrokenLaw) {
    let reading = try checkArchive(bytes)
    guard reading.isClean, reading.container == nil, let roots = reading.roots else { return }
    let again = try read(archive(roots, reading.blocks), pieces: [])
    try law(again.isClean && again.blocks == reading.blocks && again.roots == roots, "An archive can be written again.")
}

/// As for version 1; and an archive of version 1 with a container around it has the same blocks.
func checkCARv2(_ bytes: [UInt8]) throws(BrokenLaw) {
    let reading = try checkArchive(bytes)
    if let container = reading.container {
        let header = Array(container.encoded.dropFirst(CARContainer.pragma.count))
        try law((try? CARContainer(header)) == container, "The header of a CARv2 is read back.")
    }
    guard reading.container == nil, reading.isClean, let roots = reading.roots, !bytes.isEmpty else { return }
    let wrapped = try read(CARContainer(dataSize: UInt64(bytes.count), hasIndex: false).encoded + bytes, pieces: [])
    try law(
        wrapped.isClean && wrapped.roots == roots && wrapped.blocks == reading.blocks && wrapped.container != nil,
        "An archive has the same blocks in a CARv2."
    )
}

private func archive(_ roots: [CID], _ blocks: [Block]) -> [UInt8] {
    blocks.reduce(into: CARHeader(roots: roots).encoded) {
        $0 += CARSection.prefix(for: $1.cid, length: $1.bytes.count) + $1.bytes
    }
}

private func checkArchive(_ bytes: [UInt8]) throws(BrokenLaw) -> Reading {
    let whole = try read(bytes, pieces: [])
    // The pieces follow from the input, so that each input is read in the same way every time.
    let pieces = bytes.prefix(5).map { 1 + Int($0) % 61 } + [1, 1 + bytes.count % 251]
    let parts = try read(bytes, pieces: pieces)
    try law(whole == parts, "An archive reads the same in one piece and in many.")
    for section in whole.sections {
        let end = section.dataOffset + section.bytes.count
        let isThere = section.offset < section.dataOffset && end <= bytes.count
        try law(isThere && bytes[section.dataOffset..<end] == section.bytes, "A section is where it says.")
    }
    try checkBuffer(Array(bytes.prefix(2048)))
    try verify(whole)
    let blocks = Dictionary(whole.blocks.map { ($0.cid, $0) }, uniquingKeysWith: { first, _ in first })
    for root in (whole.roots ?? []).prefix(3) {
        guard let block = blocks[root] else { continue }
        _ = try list(block) { blocks[$0] }
    }
    return whole
}

/// A parser holds no more than the longest section that it takes.
private func checkBuffer(_ bytes: [UInt8]) throws(BrokenLaw) {
    var limits = CARParser.Limits()
    (limits.header, limits.section) = (64, 64)
    var parser = CARParser(verifiesBlocks: false, limits: limits)
    for start in stride(from: 0, to: bytes.count, by: 16) {
        let end = min(bytes.count, start + 16)
        parser.feed(bytes[start..<end])
        do { while try parser.next() != nil {} } catch { return }
        let isOver = (try? parser.finish()) != nil
        try law(isOver || end - parser.offset <= 64 + Varint.maximumLength, "A parser holds one section and no more.")
    }
}

/// Reads in pieces of these lengths, again and again; in one piece where there are none.
private func read(_ bytes: [UInt8], pieces: [Int]) throws(BrokenLaw) -> Reading {
    var reading = Reading()
    var parser = CARParser()
    var (start, turn) = (0, 0)
    while start < bytes.count, reading.end == nil {
        let length = pieces.isEmpty ? bytes.count : pieces[turn % pieces.count]
        let end = min(bytes.count, start + length)
        parser.feed(bytes[start..<end])
        (start, turn) = (end, turn + 1)
        try take(&parser, into: &reading)
        try law(parser.offset <= start, "Nothing is read that was not fed.")
    }
    reading.container = parser.container
    reading.extraneous = parser.extraneous
    guard reading.end == nil else { return reading }
    do { try parser.finish() } catch { reading.end = error }
    return reading
}

/// Takes what can be read now; a problem behind which nothing can be read ends it.
private func take(_ parser: inout CARParser, into reading: inout Reading) throws(BrokenLaw) {
    while reading.end == nil {
        do {
            guard let event = try parser.next() else { return }
            reading.events.append(event)
        } catch {
            if parser.isOver {
                reading.end = error
            } else {
                reading.problems.append(error)
            }
        }
    }
}

private func verify(_ reading: Reading) throws(BrokenLaw) {
    var verifier = CARVerifier()
    verifier.add(CARHeader(roots: reading.roots ?? []), reading.container)
    for section in reading.sections { verifier.add(section, nil) }
    for problem in reading.problems { verifier.note(problem, nil) }
    let report = verifier.finish(extraneous: reading.extraneous)
    try law(report.blocks == reading.blocks.count, "A report counts every block.")
    try law(report.problems.count <= CARVerifier.maxProblems, "A report lists no more problems than it says.")
    try law(report.counts.isEmpty == report.problems.isEmpty, "A report lists what it counts.")
}
