package import POSIX

/// A program that speaks git-annex's protocol of external special remotes, and how it is started.
package struct AnnexProgram: Sendable {
    /// The program, which is looked for on the path, and its words.
    let words: [String]
    /// Which variables of this process it gets.
    let inherits: @Sendable (_ name: String) -> Bool
    /// Where it is told to put what it needs for a while; nil where it is told nothing.
    let spool: AnnexSpool?

    package init(
        _ words: [String],
        inheriting inherits: @escaping @Sendable (_ name: String) -> Bool,
        spool: AnnexSpool? = nil
    ) {
        (self.words, self.inherits, self.spool) = (words, inherits, spool)
    }

    /// The program in a word, for sentences.
    package var name: String { words.first.map { String($0.split(separator: "/").last ?? "") } ?? "" }
}

/// What a program said that it can do.
package struct AnnexFeatures: Sendable, Hashable {
    /// The version of the protocol that it speaks.
    package let version: Int
    /// The extensions that it uses, of those that it was offered.
    package let extensions: Set<String>

    /// Whether it does several things at once.
    package var isAsync: Bool { extensions.contains(Self.async) }

    static let async = "ASYNC"
    static let unavailability = "UNAVAILABLERESPONSE"
    /// Extensions of the protocol that every program is offered.
    static let offered = ["INFO", async, "GETGITREMOTENAME", unavailability]
}

/// How a transfer goes on, as far as whoever asked for it sees.
package enum AnnexGrowth: Sendable {
    /// So many bytes were written.
    case bytes(UInt64)
    /// There may be no more, and why, as a sentence.
    case tooMuch(String)
    /// There is no room for more on this machine.
    case full(FileError)
}

/// Looks how a transfer goes on; called on a thread that may block.
package typealias AnnexWatch = @Sendable () -> AnnexGrowth
