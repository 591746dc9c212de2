/// Reads what a program answers to one request, line by line.
struct AnnexReading: Sendable {
    /// What a line was.
    enum Step: Sendable {
        /// A part of the answer.
        case part
        case done(AnnexReply)
        /// It is no answer to this request, and why.
        case strange(String)
    }

    let request: AnnexRequest
    private var keys: [AnnexKey] = []
    private var pairs: [AnnexPair] = []
    /// The name whose value is to come.
    private var name: String?

    /// A page of a list, or what is told of settings, has no more lines than this.
    private static let most = 10_000

    init(_ request: AnnexRequest) { self.request = request }

    mutating func take(_ line: String) -> Step {
        let (word, rest) = cut(line)
        if word == "UNSUPPORTED-REQUEST" { return .done(.unsupported) }
        switch request {
        case .initialise: return outcome("INITREMOTE", word, rest)
        case .prepare: return outcome("PREPARE", word, rest)
        case .store(let key, _): return outcome("TRANSFER", word, rest, of: ["STORE", key])
        case .retrieve(let key, _, _): return outcome("TRANSFER", word, rest, of: ["RETRIEVE", key])
        case .remove(let key): return outcome("REMOVE", word, rest, of: [key])
        case .check(let key): return presence("CHECKPRESENT", key, word, rest, hasLength: false)
        case .size(let key): return presence("CHECKSIZE", key, word, rest, hasLength: true)
        case .part(_, let key, _):
            return word.hasSuffix("-FAILURE")
                ? outcome("RETRIEVERANGE", word, rest, of: [key])
                : presence("RETRIEVERANGE", key, word, rest, hasLength: true)
        case .cost: return word == "COST" ? number(rest) : strange(word)
        case .availability: return word == "AVAILABILITY" ? .done(.text(rest)) : strange(word)
        case .whereIs:
            return word == "WHEREIS-SUCCESS"
                ? .done(.text(rest)) : word == "WHEREIS-FAILURE" ? .done(.absent) : strange(word)
        case .info, .settings: return pair(word, rest)
        case .list(let prefix, let after): return listed(word, rest, prefix, after)
        }
    }

    private func strange(_ word: String) -> Step {
        .strange("It said \(shown(word)) where an answer to \(cut(request.line).word) was due.")
    }

    /// Success or failure; what follows the first words of a failure is why.
    private func outcome(_ stem: String, _ word: String, _ rest: String, of about: [String] = []) -> Step {
        switch word {
        case stem + "-SUCCESS":
            guard rest == about.joined(separator: " ") else { return otherKey(word) }
            return .done(.success)
        case stem + "-FAILURE":
            // Programs leave out what they do not know by then.
            var words = rest
            for part in about where cut(words).word == part { words = cut(words).rest }
            return .done(.failure(words))
        default: return strange(word)
        }
    }

    private func presence(_ stem: String, _ key: String, _ word: String, _ rest: String, hasLength: Bool) -> Step {
        let (found, more) = cut(rest)
        guard [stem + "-SUCCESS", stem + "-FAILURE", stem + "-UNKNOWN"].contains(word) else { return strange(word) }
        // That something else is not there says nothing.
        guard found == key else { return otherKey(word) }
        if word.hasSuffix("-FAILURE") { return .done(.absent) }
        if word.hasSuffix("-UNKNOWN") { return .done(.unknown(more)) }
        return hasLength ? number(more) : .done(.success)
    }

    private func otherKey(_ word: String) -> Step {
        .strange("It said \(shown(word)) of something else than it was asked.")
    }

    private func number(_ text: String) -> Step {
        guard let number = UInt64(text) else { return .strange("It said “\(text.prefix(40))” where a number was due.") }
        return .done(.number(number))
    }

    private mutating func pair(_ word: String, _ rest: String) -> Step {
        guard pairs.count < Self.most else { return .strange("It tells more than \(Self.most) things of itself.") }
        switch word {
        case "INFOFIELD" where request == .info && name == nil: name = rest
        case "INFOVALUE" where request == .info && name != nil:
            pairs.append(AnnexPair(name: name.take() ?? "", value: rest))
        case "CONFIG" where request == .settings: pairs.append(AnnexPair(name: cut(rest).word, value: cut(rest).rest))
        case "INFOEND" where request == .info, "CONFIGEND" where request == .settings: return .done(.pairs(pairs))
        default: return strange(word)
        }
        return .part
    }

    private mutating func listed(_ word: String, _ rest: String, _ prefix: String, _ after: String) -> Step {
        switch word {
        case "KEY":
            let (length, key) = cut(rest)
            guard let length = UInt64(length), !key.isEmpty else {
                return .strange("It listed something without a length.")
            }
            guard key.hasPrefix(prefix) else { return .strange("It listed what was not asked for.") }
            // What does not go forward would have no end.
            guard (keys.last?.key ?? after).utf8.lexicographicallyPrecedes(key.utf8) else {
                return .strange("Its list is not in the order of the bytes.")
            }
            guard keys.count < Self.most else { return .strange("A page of its list has more than \(Self.most) keys.") }
            keys.append(AnnexKey(key: key, length: length))
            return .part
        case "LISTKEYS-SUCCESS": return .done(.page(keys, hasMore: false))
        case "LISTKEYS-MORE":
            guard !keys.isEmpty else { return .strange("It says that its list goes on, and lists nothing.") }
            return .done(.page(keys, hasMore: true))
        case "LISTKEYS-FAILURE": return .done(.failure(rest))
        default: return strange(word)
        }
    }
}

/// A line as its first word and what follows the space behind that.
func cut(_ line: String) -> (word: String, rest: String) {
    guard let space = line.firstIndex(of: " ") else { return (line, "") }
    return (String(line[..<space]), String(line[line.index(after: space)...]))
}

/// A word of others as it can stand in a sentence.
func shown(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    return isPlain && !word.isEmpty && word.utf8.count <= 40 ? word : "something"
}
