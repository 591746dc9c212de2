internal import Schema

extension Completion {
    /// The words that may follow one another on a command line.
    struct Words {
        /// What may follow some words: the next words of commands, each with a summary, and the flags of a command.
        struct Place {
            let path: String
            let next: [(word: String, summary: String)]
            let flags: [String]
        }

        let places: [Place]

        init(_ operations: [any Operation.Type]) {
            let commands = operations.map { ($0.name.split(separator: " ").map(String.init), $0.summary) }
            let flags = Dictionary(
                operations.map { ($0.name, Self.flags(of: $0)) },
                uniquingKeysWith: { first, _ in first }
            )
            var paths: [[String]] = [[]]
            for (words, _) in commands {
                for length in 1...words.count where !paths.contains(Array(words.prefix(length))) {
                    paths.append(Array(words.prefix(length)))
                }
            }
            places = paths.map { path in
                var next: [(word: String, summary: String)] = []
                for (words, summary) in commands where words.count > path.count && words.starts(with: path) {
                    let word = words[path.count]
                    guard !next.contains(where: { $0.word == word }) else { continue }
                    next.append((word, words.count == path.count + 1 ? summary : "Commands of “\(word)”."))
                }
                let name = path.joined(separator: " ")
                return Place(path: name, next: next, flags: (flags[name] ?? []) + Self.globalFlags)
            }
        }

        /// The script for a shell, line by line.
        func script(for shell: Shell) -> [String] {
            switch shell {
            case .bash: bash
            case .zsh: zsh
            case .fish: fish
            }
        }

        private static let globalFlags = ["--json", "--home", "--quiet", "--verbose", "--no-progress", "--help"]

        private static func flags(of operation: any Operation.Type) -> [String] {
            let named = operation.fieldInfo.filter { !$0.isPositional }
            var seen: Set<String> = []
            return (named + operation.openFields).map(\.flag).filter { seen.insert($0).inserted }
        }

        /// Lines that walk over the words before the cursor and leave the words of the command in `place`.
        private func walk(_ words: String, from first: Int, to last: String) -> [String] {
            let known = places.map(\.path).filter { !$0.isEmpty }.map { "\"\($0)\"" }.joined(separator: "|")
            return [
                "  for ((index = \(first); index < \(last); index++)); do",
                "    next=\"${place:+$place }${\(words)[index]}\"",
                "    case \"$next\" in \(known)) place=\"$next\" ;; esac",
                "  done",
                "  case \"$place\" in",
            ]
                + places.map { place in
                    "    \"\(place.path)\") choices=\"\((place.next.map(\.word) + place.flags).joined(separator: " "))\" ;;"
                } + ["  esac"]
        }

        private var bash: [String] {
            ["_ipfs_kit() {", "  local place=\"\" next index choices=\"\""]
                + walk("COMP_WORDS", from: 1, to: "COMP_CWORD")
                + [
                    "  COMPREPLY=($(compgen -W \"$choices\" -- \"${COMP_WORDS[COMP_CWORD]}\"))", "}",
                    "complete -o default -F _ipfs_kit ipfs-kit",
                ]
        }

        private var zsh: [String] {
            ["#compdef ipfs-kit", "_ipfs_kit() {", "  local place=\"\" next index choices=\"\""]
                + walk("words", from: 2, to: "CURRENT")
                + [
                    "  compadd -- ${=choices}", "  _files", "}",
                    "if [ \"$funcstack[1]\" = \"_ipfs-kit\" ]; then _ipfs_kit \"$@\"; else compdef _ipfs_kit ipfs-kit; fi",
                ]
        }

        private var fish: [String] {
            let known = places.map(\.path).filter { !$0.isEmpty }.map { "'\($0)'" }.joined(separator: " ")
            var lines = [
                "function __ipfs_kit_at",
                "  set -l known \(known)",
                "  set -l where ''",
                "  for word in (commandline -opc)[2..-1]",
                "    set -l next (string trim \"$where $word\")",
                "    contains -- \"$next\" $known; and set where \"$next\"",
                "  end",
                "  test \"$where\" = \"$argv[1]\"",
                "end",
            ]
            for place in places {
                let lead = "complete -c ipfs-kit -n \"__ipfs_kit_at '\(place.path)'\""
                for (word, summary) in place.next {
                    let text = summary.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "\\'")
                    lines.append("\(lead) -a \(word) -d '\(text)'")
                }
                lines += place.flags.map { "\(lead) -l \($0.dropFirst(2))" }
            }
            return lines
        }
    }
}
