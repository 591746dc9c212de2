internal import POSIX
internal import Schema
internal import YAML

/// What `config/main.yaml` says: the version of the home, where content is read from, and what is kept of services.
struct MainConfiguration: Sendable {
    /// One place to read content from, as it is named there.
    enum Source: Sendable, Hashable {
        /// The embedded store.
        case store
        /// A Kubo node at an address, or where the variables of Kubo say.
        case node(address: String?)
        /// A backend of that name.
        case backend(String)
    }

    /// The sources in the order in which they are asked, each with its line.
    private(set) var sources: [(source: Source, line: Int)] = [(.store, 0)]
    /// For how many days answers of services are kept; with 0 none is.
    private(set) var keepDays: Int64 = 30
    /// The path of the file, for messages.
    let path: String

    /// Reads the file; throws where it was made by a later version of the program, or has something in it that means
    /// nothing.
    static func read(_ path: String) throws(KitError) -> MainConfiguration {
        var configuration = MainConfiguration(path: path)
        let bytes: [UInt8]
        do throws(FileError) {
            // `init` completes a home without it.
            guard try fileExists(path) else { return configuration }
            bytes = try readFile(path, limit: 1 << 20)
        } catch {
            throw KitError(error)
        }
        let root: YAMLNode
        do throws(YAMLError) {
            root = try YAMLNode.parse(bytes)
        } catch {
            throw KitError(.usage, "\(path):\(error.line): \(error.problem).")
        }
        try checkVersion(root["version"]?.string, path)
        for pair in root.mapping ?? [] {
            switch pair.key {
            case "version": break
            case "source": configuration.sources = try configuration.sources(pair.value)
            case "metadata": configuration.keepDays = try configuration.keepDays(pair.value)
            default: throw configuration.unknown(pair, among: ["version", "source", "metadata"])
            }
        }
        return configuration
    }

    private func unknown(_ pair: YAMLPair, among names: [String]) -> KitError {
        problem(pair.keyMark.line, SchemaError.unknown(pair.key, among: names).message)
    }

    /// The longest time for which answers are kept, in days: a hundred years.
    private static let mostDays: Int64 = 36_525

    private func keepDays(_ node: YAMLNode) throws(KitError) -> Int64 {
        guard let pairs = node.mapping else {
            throw problem(node.mark.line, "metadata is of the form {keep_days: \(keepDays)}")
        }
        var days = keepDays
        for pair in pairs {
            guard pair.key == "keep_days" else { throw unknown(pair, among: ["keep_days"]) }
            guard let number = pair.value.integer, (0...Self.mostDays).contains(number) else {
                throw problem(
                    pair.value.mark.line,
                    "metadata.keep_days is a number of days, from 0 to \(Self.mostDays); with 0 nothing is kept"
                )
            }
            days = number
        }
        return days
    }

    private init(path: String) { self.path = path }

    private static func checkVersion(_ text: String?, _ path: String) throws(KitError) {
        guard let text, let number = Int(text), number > 0 else {
            throw KitError(.usage, "\(path) does not say which version the home has; it should be: version: '1'")
        }
        guard number == 1 else {
            throw KitError(
                .other,
                "The kit home of \(path) has the version \(number): it was made by a later version of ipfs-kit, and this one "
                    + "would damage it."
            )
        }
    }

    /// The words of `source` that name no backend.
    static let words = ["store"] + nodeWords
    /// The words for a node; a backend of such a name goes before.
    static let nodeWords = ["kubo", "ipfs"]

    private func sources(_ node: YAMLNode) throws(KitError) -> [(source: Source, line: Int)] {
        guard let items = node.sequence else { return [try source(node)] }
        var sources: [(source: Source, line: Int)] = []
        for item in items {
            let next = try source(item)
            guard !sources.contains(where: { $0.source == next.source }) else {
                throw problem(next.line, "source names the same place twice")
            }
            sources.append(next)
        }
        guard !sources.isEmpty else {
            throw problem(node.mark.line, "source is an empty list; store is what is meant where it is left out")
        }
        return sources
    }

    private func source(_ node: YAMLNode) throws(KitError) -> (source: Source, line: Int) {
        let line = node.mark.line
        if let pairs = node.mapping {
            guard pairs.count == 1, Self.nodeWords.contains(pairs[0].key), let address = pairs[0].value.string,
                !pairs[0].value.isNull
            else { throw problem(line, "A source with an address is of the form kubo: ADDRESS") }
            return (.node(address: address), line)
        }
        guard let name = node.string, !node.isNull, !name.isEmpty else {
            throw problem(line, "source is store, kubo, the name of a backend, or a list of these")
        }
        guard BackendFile.isName(name) else {
            // It may be an address with a secret in it, so it is not shown.
            throw problem(
                line,
                "source names what can be no name of a backend; the address of a node is of the form kubo: ADDRESS"
            )
        }
        return (name == "store" ? .store : .backend(name), line)
    }

    /// An error about the file, with the line where there is one.
    func problem(_ line: Int, _ phrase: String) -> KitError {
        KitError(.usage, "\(path)\(line > 0 ? ":\(line)" : ""): \(BackendFile.sentence(phrase))")
    }
}
