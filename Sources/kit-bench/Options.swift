/// What the command line asks for.
struct Options: Sendable {
    static let usage = """
        Usage: kit-bench [ROWS…] [--quick] [--runs NUMBER] [--kit PATH] [--memory FOLDER] [--disk FOLDER] [--list]

        Runs ipfs-kit and what it is compared with, turn by turn, and prints medians and ratios. It ends with 1 where
        a goal for a count is missed; a goal for seconds that is missed is only printed.

          --quick          Smaller amounts: to see that all of it works, not for figures.
          --runs NUMBER    How often each side runs (3).
          --kit PATH       The release binary (.build/release/ipfs-kit).
          --memory FOLDER  A folder in memory (/dev/shm).
          --disk FOLDER    A folder on a disk (.build).
          --list           Name the rows.
        """

    var rows: [String] = []
    var isQuick = false
    var runs = 3
    var kit = ".build/release/ipfs-kit"
    var memory = "/dev/shm"
    var disk = ".build"
    var listsRows = false
    var asksForHelp = false

    /// Reads the words after the program's name.
    init(_ words: [String]) throws(BenchProblem) {
        var words = words[...]
        while let word = words.popFirst() {
            switch word {
            case "--quick": isQuick = true
            case "--list": listsRows = true
            case "--help", "-h": asksForHelp = true
            case "--runs": runs = try Self.number(words.popFirst())
            case "--kit": kit = try Self.value(words.popFirst(), of: word)
            case "--memory": memory = try Self.value(words.popFirst(), of: word)
            case "--disk": disk = try Self.value(words.popFirst(), of: word)
            default:
                guard BenchRow.all.contains(where: { $0.name == word }) else {
                    throw BenchProblem(.usage, "There is no row or flag “\(word)”; --list names the rows.")
                }
                rows.append(word)
            }
        }
    }

    private static func value(_ word: String?, of flag: String) throws(BenchProblem) -> String {
        guard let word else { throw BenchProblem(.usage, "\(flag) needs a value.") }
        return word
    }

    private static func number(_ word: String?) throws(BenchProblem) -> Int {
        guard let number = word.flatMap({ Int($0) }), (1...99).contains(number) else {
            throw BenchProblem(.usage, "--runs needs a number from 1 to 99.")
        }
        return number
    }
}

/// How much of everything is measured.
struct Amounts: Sendable {
    /// The length of the one large file, in bytes.
    let large: Int
    /// How many files of 4 KiB a tree has; they are in one directory.
    let smallFiles: Int
    /// How many entries a large directory has.
    let entries: Int
    /// How many blocks a large store has.
    let blocks: Int
    /// How many pins of 64 KiB are synced.
    let pins: Int
    /// The length of the large pin that goes to a place, in bytes.
    let placed: Int
    /// Among how many mappings one is looked for.
    let mappings: Int
    /// With how many mappings the index files are written.
    let indexed: [Int]

    static let full = Amounts(
        large: 1 << 30,
        smallFiles: 10_000,
        entries: 1_000_000,
        blocks: 10_000_000,
        pins: 1000,
        placed: 1 << 29,
        mappings: 1_000_000,
        indexed: [10_000, 100_000]
    )
    static let quick = Amounts(
        large: 1 << 27,
        smallFiles: 1000,
        entries: 30_000,
        blocks: 300_000,
        pins: 100,
        placed: 1 << 26,
        mappings: 100_000,
        indexed: [1000, 10_000]
    )
}
