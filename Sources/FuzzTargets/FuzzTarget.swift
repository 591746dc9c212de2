/// A decoder, with the laws that hold for it whatever bytes come in.
public struct FuzzTarget: Sendable {
    /// What it is called on a command line, and the name of the folder with its corpus.
    public let name: String

    /// Decodes bytes and checks the laws.
    ///
    /// - Throws: ``BrokenLaw``, which is a fault of the decoder; that the bytes are refused is none.
    public let run: @Sendable ([UInt8]) throws(BrokenLaw) -> Void

    /// Every target.
    public static let all = [
        FuzzTarget(name: "varint", run: checkVarint),
        FuzzTarget(name: "cid", run: checkCID),
        FuzzTarget(name: "multibase", run: checkMultibase),
        FuzzTarget(name: "dag-pb", run: checkDAGPB),
        FuzzTarget(name: "dag-cbor", run: checkDAGCBOR),
        FuzzTarget(name: "dag-json", run: checkDAGJSON),
        FuzzTarget(name: "unixfs", run: checkUnixFS),
        FuzzTarget(name: "hamt", run: checkHAMT),
        FuzzTarget(name: "carv1", run: checkCARv1),
        FuzzTarget(name: "carv2", run: checkCARv2),
        FuzzTarget(name: "index", run: checkIndex),
    ]

    /// The target of that name, or nil.
    public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// A law that did not hold.
public struct BrokenLaw: Error, Sendable, CustomStringConvertible {
    /// The law, in one sentence.
    public let description: String

    init(_ law: String) { description = law }
}

/// Throws the law where it does not hold.
func law(_ holds: Bool, _ law: @autoclosure () -> String) throws(BrokenLaw) {
    guard holds else { throw BrokenLaw(law()) }
}

/// What `body` gives, which a law says does not throw.
func must<T, Problem>(_ law: String, _ body: () throws(Problem) -> T) throws(BrokenLaw) -> T {
    do { return try body() } catch { throw BrokenLaw("\(law) It was refused: \(error)") }
}
