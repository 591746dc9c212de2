package import Schema

/// Something that ipfs-kit can do.
///
/// Its fields are its inputs; the command line, and every other surface, is made from the table of all operations.
package protocol Operation: Described {
    associatedtype Output: OperationOutput
    /// The words of the command: `pin add`.
    static var name: String { get }
    /// What it does, in one sentence.
    static var summary: String { get }
    /// What more there is to say, with examples.
    static var details: String { get }
    /// Says whether it may change something.
    static var changes: Bool { get }
    /// Whether the log says that it was called: with these inputs it may change something, or look at something anew.
    var isLogged: Bool { get }
    /// Whether the same call goes on where one was stopped.
    static var goesOn: Bool { get }
    /// What it is about, for the log, where that is neither a backend nor a root.
    var subject: String? { get }
    /// Fields beyond `fields` that are taken too; each is added to the field `settings` as `name=value`.
    static var openFields: [FieldInfo] { get }
    /// Whether content that it writes goes to the output as it is where no file is named for it, and there is no answer
    /// then.
    static var writesContent: Bool { get }
    /// What its items are, where its output comes bit by bit: each has a member `type` that says which it is.
    static var items: [any OperationOutput.Type] { get }
    /// Does it.
    func run(in call: Call) async throws(KitError) -> Output
}

extension Operation {
    package static var details: String { "" }
    package static var changes: Bool { false }
    package var isLogged: Bool { false }
    package static var goesOn: Bool { changes }
    package var subject: String? { nil }
    package static var openFields: [FieldInfo] { [] }
    package static var items: [any OperationOutput.Type] { [] }
    package static var writesContent: Bool { answerShape.isEmpty }
    /// What its answer is.
    package static var answerShape: Shape { Output.shape }

    /// Whether it writes content to the output with these values.
    package static func writesContent(with values: [String: FieldValue]) -> Bool {
        writesContent && [nil, "-"].contains(values["output"]?.text)
    }
}

/// An operation that may change something, and can say what it would do instead.
package protocol ChangingOperation: Operation {
    /// Whether it only says what it would do, and changes nothing.
    var dryRun: Bool { get set }
    /// Whether its answer counts what it changes, and does not name it.
    static var answersInCounts: Bool { get }
}

extension ChangingOperation {
    package static var changes: Bool { true }
    package static var answersInCounts: Bool { false }
    package var isLogged: Bool { !dryRun }
}

extension Field where Root: ChangingOperation {
    /// Whether an operation only says what it would do.
    static var dryRun: Field {
        Field("dry_run", \.dryRun, help: "Say what would be done, and change nothing.")
    }
}

/// What an operation gives back: one documented shape for machines, and a report for people.
package protocol OperationOutput: Answer {
    var report: Report { get }
    /// Whether the output was content, which was written already, and there is nothing more to say.
    var isContent: Bool { get }
    /// Whether it is a secret that was asked for: it is shown as it is, where others are cleaned of such.
    var isSecret: Bool { get }
    /// How the operation ended; only those that do several things can end otherwise than well without throwing.
    var exitCode: ExitCode { get }
    /// Why it did not end well, as a sentence, for whoever sees no more of it; nil where it did, or nothing says why.
    var whatFailed: String? { get }
    /// The lines that are left under --quiet; nil leaves the choice to the surface.
    var quietLines: [String]? { get }
}

extension OperationOutput {
    package var isContent: Bool { false }
    package var isSecret: Bool { false }
    package var exitCode: ExitCode { .ok }
    package var whatFailed: String? { report.failures.first }
    package var quietLines: [String]? { nil }
}

/// An output that was given out already, item by item.
package struct NoOutput: OperationOutput {
    package static let outputFields: [OutputField<Self>] = []
    package let report = Report()
    package var isContent: Bool { true }

    package init() {}
}
