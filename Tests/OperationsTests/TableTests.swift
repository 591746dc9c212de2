@testable import Operations
import Schema
import Services
import Storage
import Testing

/// The table of operations, from which every surface is made.
@Suite struct TableTests {
    @Test func namesAreUniqueAndFollowOneForm() {
        let names = operations(on: .commandLine).map { $0.name }
        #expect(Set(names).count == names.count)
        for name in names {
            let isPlain = name.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x20 || $0 == 0x2D
            }
            #expect(isPlain && !name.hasPrefix(" ") && !name.hasSuffix(" "), "\(name)")
        }
        // A command that is also the beginning of another is told from it by the next word, so it needs one.
        for operation in operations(on: .commandLine)
        where names.contains(where: { $0.hasPrefix(operation.name + " ") }) {
            #expect(operation.fieldInfo.first.map { $0.isPositional && $0.isRequired } == true, "\(operation.name)")
        }
    }

    @Test func everythingSaysWhatItIs() {
        for operation in operations(on: .commandLine) {
            #expect(operation.summary.hasSuffix(".") && operation.summary.count <= 100, "\(operation.name)")
            for field in operation.fieldInfo { #expect(field.help.hasSuffix("."), "\(operation.name) \(field.name)") }
            #expect(Set(operation.fieldInfo.map(\.name)).count == operation.fieldInfo.count, "\(operation.name)")
        }
    }

    /// Whoever prints help breaks its lines as wide as they may be; a break in a sentence stays in its middle.
    @Test func sentencesOfHelpAreOneLine() {
        for operation in operations(on: .commandLine) where operation.name != "completion" {
            for line in operation.details.split(separator: "\n") {
                let isCommand = line.contains("ipfs-kit ") && line.first != "`" || line.hasPrefix("Example: ")
                #expect(isCommand || ".:".contains(line.last ?? " "), "\(operation.name): \(line)")
            }
        }
    }

    /// Whoever reads lines knows by the last one that none is missing.
    @Test func linesEndWithASummary() {
        for operation in operations(on: .commandLine) where !operation.items.isEmpty {
            #expect(Self.types(operation.answerShape) == ["summary"], "\(operation.name)")
            for item in operation.items {
                let types = Self.types(item.shape)
                #expect(!types.isEmpty && !types.contains("summary"), "\(operation.name)")
            }
        }
    }

    /// What the member `type` may say.
    private static func types(_ shape: Shape) -> [String] {
        guard case .object(let members) = shape.unnamed,
            case .choice(let words)? = members.first(where: { $0.name == "type" })?.shape
        else { return [] }
        return words
    }

    @Test func whatChangesSomethingCanBeTriedDry() {
        for operation in operations(on: .commandLine) {
            let isDry = operation.fieldInfo.contains { $0.name == "dry_run" }
            #expect(isDry == operation.changes, "\(operation.name)")
            let members =
                if case .object(let members) = operation.answerShape.unnamed { members } else { [Shape.Member]() }
            #expect(members.contains { $0.name == "dry_run" } == operation.changes, "\(operation.name)")
        }
    }

    /// Who reads an answer knows by its name what something is; some had names before that was looked at.
    @Test func `a name in answers stands for one kind of thing`() {
        let known: Set = [
            "blocks", "changes", "dirty", "pinned", "replicas", "snapshot", "state", "version", "whole", "code",
            "bytes",
        ]
        var kinds: [String: Set<String>] = [:]
        func note(_ shape: Shape) {
            switch shape {
            case .named(_, let shape), .optional(let shape), .list(let shape), .map(let shape): note(shape)
            case .object(let members):
                for member in members {
                    kinds[member.name, default: []].insert(Self.kind(of: member.shape))
                    note(member.shape)
                }
            default: break
            }
        }
        for row in operationTable {
            note(row.operation.answerShape)
            for item in row.operation.items { note(item.shape) }
        }
        let mixed = Set(kinds.filter { $0.value.count > 1 }.keys)
        #expect(mixed.subtracting(known).isEmpty, "\(mixed.subtracting(known).sorted())")
        #expect(kinds["size"] == nil, "a length in bytes is size_bytes")
    }

    private static func kind(of shape: Shape) -> String {
        switch shape {
        case .named(_, let shape), .optional(let shape): kind(of: shape)
        case .list: "list"
        case .map, .object: "object"
        case .integer: "number"
        case .flag: "flag"
        case .any, .text, .fileName, .cid, .time, .backend, .path, .url, .choice: "text"
        }
    }

    @Test func settingsOfAllTypesDoNotCollide() {
        for row in ServiceRow.all {
            let fields = BackendFile.fields(of: row)
            let spellings = fields.flatMap { [$0.name] + $0.aliases }
            #expect(Set(spellings).count == spellings.count, "\(row.type)")
        }
    }

    @Test func scriptsKnowEveryCommand() async throws {
        for shell in Completion.Shell.allCases {
            var completion = Completion()
            completion.shell = shell
            let kit = Kit(home: KitHome("/nonexistent") { _ in nil })
            let script = try await completion.run(in: Call(kit: kit, from: .commandLine)).json.compact
            for operation in operations(on: .commandLine) {
                for word in operation.name.split(separator: " ") { #expect(script.contains(word), "\(shell) \(word)") }
            }
        }
    }
}
