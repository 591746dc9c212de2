internal import POSIX
internal import Synchronization

/// What a program is told, and has kept, in a folder: what it had kept counts before what it is told, for it may have
/// completed that.
///
/// All that it kept belongs to the settings under which it did: under others, it is set up anew. It is kept as the
/// lines with which it was asked for.
package final class AnnexMemory: AnnexHost {
    /// What a program is told.
    package struct Settings: Sendable {
        /// Its settings, by their names.
        package var config: [String: String]
        package var user: String
        package var password: String
        /// What tells the place from others.
        package var identifier: String
        /// What the place is called here.
        package var name: String
        /// What is another one when anything is told otherwise.
        package var fingerprint: String

        package init(
            config: [String: String],
            user: String,
            password: String,
            identifier: String,
            name: String,
            fingerprint: String
        ) {
            (self.config, self.user, self.password) = (config, user, password)
            (self.identifier, self.name, self.fingerprint) = (identifier, name, fingerprint)
        }
    }

    private let folder: String
    private let settings: Settings
    /// The name of a file for what is kept of a key, and the two folders in which git-annex would keep it.
    private let digest: @Sendable (_ key: String) -> [UInt8]
    /// Who is told of what may be a secret.
    private let learn: @Sendable (String) -> Void
    /// The lines that are kept, by what each is about; nil before they are read.
    private let lines = Mutex<[String: String]?>(nil)

    /// No more is kept, in lines, and in bytes of each.
    private static let (most, longest) = (1000, 16 << 10)
    private static let longestFile = 32 << 20

    /// `digest` gives the MD5 of a key, which git-annex makes folders of.
    package init(
        in folder: String,
        _ settings: Settings,
        digest: @escaping @Sendable (_ key: String) -> [UInt8],
        learn: @escaping @Sendable (String) -> Void
    ) {
        (self.folder, self.settings, self.digest, self.learn) = (folder, settings, digest, learn)
    }

    package var isInitialised: Bool { kept("INITREMOTE") != nil }

    package func noteInitialised() { keep("INITREMOTE", "SUCCESS") }

    /// What was noted about the program itself; nil where nothing was.
    package func note(_ name: String) -> String? { kept("NOTE \(name)") }

    /// Notes something about the program itself.
    package func keep(_ value: String, as name: String) { keep("NOTE \(name)", value) }

    package func answer(_ question: AnnexQuestion) -> AnnexValue {
        switch question {
        case .config(let name):
            guard let kept = kept("SETCONFIG \(name)") else { return .value(settings.config[name] ?? "") }
            doubt(kept, name)
            return .value(kept)
        case .setConfig(let name, let value):
            doubt(value, name)
            keep("SETCONFIG \(name)", value)
        case .credentials(let name):
            guard let kept = kept("SETCREDS \(name)").map(cut) else {
                return .credentials(user: settings.user, password: settings.password)
            }
            learn(kept.rest)
            return .credentials(user: kept.word, password: kept.rest)
        case .setCredentials(let name, let user, let password):
            learn(password)
            keep("SETCREDS \(name)", user + " " + password)
        case .wanted: return .value(kept("SETWANTED") ?? "")
        case .setWanted(let text): keep("SETWANTED", text)
        case .identifier: return .value(settings.identifier)
        case .name: return .value(settings.name)
        case .folder:
            try? makeDirectory(folder + "/program", permissions: 0o700)
            return .value(folder + "/program")
        case .directory(let key, let isLower): return .value(AnnexKeyFolders.text(digest(key), isLower: isLower))
        case .state(let key): return .value(notes(of: key).first { $0.hasPrefix("STATE ") }.map { cut($0).rest } ?? "")
        case .setState(let key, let text):
            change(key) { lines in lines = lines.filter { !$0.hasPrefix("STATE ") } + ["STATE \(text)"] }
        case .addresses(let key, let prefix):
            let addresses = notes(of: key).filter { $0.hasPrefix("URL ") }.map { cut($0).rest }
            return .values(addresses.filter { $0.hasPrefix(prefix) })
        case .setAddress(let key, let address, let isPresent):
            change(key) { lines in
                lines = lines.filter { $0 != "URL \(address)" } + (isPresent ? ["URL \(address)"] : [])
            }
        }
        return .none
    }

    /// Takes a setting that a program has kept for a secret, where it may be one: some keep passwords so.
    private func doubt(_ value: String, _ name: String) {
        if settings.config[name] != value, value.utf8.count >= 8, !value.hasPrefix("/") { learn(value) }
    }

    // MARK: Files

    private var path: String { folder + "/program.kept" }

    private func kept(_ name: String) -> String? {
        lines.withLock { lines in
            let known = lines ?? read()
            lines = known
            return known[name]
        }
    }

    /// Keeps something; what cannot be written lasts as long as this process.
    private func keep(_ name: String, _ value: String) {
        guard name.utf8.count + value.utf8.count <= Self.longest else { return }
        lines.withLock { lines in
            // Another process may have kept something meanwhile.
            var known = (lines ?? [:]).merging(read()) { $1 }
            guard known[name] != nil || known.count < Self.most else { return }
            known[name] = value
            lines = known
            write([settings.fingerprint] + known.map { "\($0.key)\t\($0.value)" }.sorted(), to: path)
        }
    }

    /// What is kept under these settings.
    private func read() -> [String: String] {
        let all = lines(of: path)
        guard all.first == settings.fingerprint else { return [:] }
        var known: [String: String] = [:]
        for line in all.dropFirst() {
            guard let tab = line.firstIndex(of: "\t") else { continue }
            known[String(line[..<tab])] = String(line[line.index(after: tab)...])
        }
        return known
    }

    private func file(of key: String) -> String {
        let name = digest(key).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return "\(folder)/keys/\(name)"
    }

    private func notes(of key: String) -> [String] {
        let all = lines(of: file(of: key))
        return all.first == key ? Array(all.dropFirst()) : []
    }

    private func change(_ key: String, _ body: (inout [String]) -> Void) {
        guard (1...512).contains(key.utf8.count) else { return }
        var lines = notes(of: key)
        body(&lines)
        guard lines.count <= 100, lines.allSatisfy({ $0.utf8.count <= Self.longest }) else { return }
        write([key] + lines, to: file(of: key))
    }

    private func lines(of path: String) -> [String] {
        let bytes = (try? readFile(path, limit: Self.longestFile)) ?? []
        return bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }

    private func write(_ lines: [String], to path: String) {
        try? makeDirectory(directoryName(path), permissions: 0o700)
        try? replaceFile(path, with: Array((lines.joined(separator: "\n") + "\n").utf8))
    }
}

/// The two folders in which git-annex would keep a key, as programs ask for them: `abc/def/`, or `aB/Cd/`.
enum AnnexKeyFolders {
    private static let digits = Array("0123456789abcdef")
    private static let letters = Array("0123456789zqjxkmvwgpfZQJXKMVWGPF")

    /// The folders by the MD5 of the key.
    static func text(_ sum: [UInt8], isLower: Bool) -> String {
        guard !isLower else {
            let text = sum.prefix(3).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
            return "\(String(text.prefix(3)))/\(String(text.suffix(3)))/"
        }
        // Five bits of each six of the first 32, the lower first, and of each two letters the second before the first.
        let number = sum.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let word = (0..<4).map { letters[Int(number >> (6 * UInt32($0)) & 31)] }
        return "\(word[1])\(word[0])/\(word[3])\(word[2])/"
    }
}
