internal import Foundation
internal import Testing

/// Compares what the program prints with --json with what `ipfs-kit schema` says of it.
///
/// Every answer of every test passes it. It knows the words of JSON Schema 2020-12 that the program writes.
package struct AnswerCheck: Sendable {
    private struct Described: Sendable {
        let words: [String]
        let output: Answer
        let items: [Answer]
        let isContent: Bool
    }

    private let operations: [Described]
    private let failure: Answer

    /// Makes a check of what `schema --json` printed.
    package init(_ schemas: Answer) throws {
        operations = schemas.operations.items.map { row in
            Described(
                words: (row.name.text ?? "").split(separator: " ").map(String.init),
                output: row.output,
                items: row.members["items"]?.items ?? [],
                isContent: row.writes_content == .flag(true)
            )
        }
        failure = schemas.failure
        try #require(!operations.isEmpty, "there is no schema")
    }

    private static let shared = Task {
        let folder = FileManager.default.temporaryDirectory.path
        let result = try await ProcessRunner.runKit(["schema", "--json"], home: folder, checksAnswer: false)
        return try AnswerCheck(Answer.parse(result.text))
    }

    /// Records an issue where an answer is not as its schema says; what was cut off by a fault is no answer.
    static func check(_ arguments: [String], _ result: ProcessResult) async throws {
        guard arguments.contains("--json"), result.code <= 130, !result.timedOut, result.text.utf8.count < 8 << 20
        else {
            return
        }
        let check = try await shared.value
        let problems = check.problems(
            of: arguments,
            result.text,
            isWhole: result.code == 0,
            mayBeContent: result.code != 0 || arguments.contains("-") || arguments.contains("cat")
                || !arguments.contains { $0 == "-o" || $0.hasPrefix("--output") }
        )
        for problem in problems {
            Issue.record("the answer of \(arguments.joined(separator: " ")) is not as its schema says: \(problem)")
        }
    }

    /// What in the output of a command is not as it should be.
    ///
    /// Where it `isWhole`, the last line is the answer. Content is what it is.
    package func problems(
        of arguments: [String],
        _ text: String,
        isWhole: Bool = true,
        mayBeContent: Bool = false
    ) -> [String] {
        // What would be done is answered as a plan of it.
        let words = arguments.contains("--plan") ? ["plan", "make"] : arguments.drop { $0.hasPrefix("-") }
        guard
            let operation = operations.filter({ words.starts(with: $0.words) }).max(by: {
                $0.words.count < $1.words.count
            })
        else { return [] }
        let answers: [Answer]
        if let whole = try? Answer.parse(text) {
            answers = [whole]
        } else if let lines = try? Answer.lines(text) {
            answers = lines
        } else {
            return mayBeContent ? [] : ["it is no JSON: \(text.prefix(200))"]
        }
        return answers.enumerated().flatMap { index, answer -> [String] in
            let isFailure = answer.members.count == 1 && answer.error != .null
            // Content that is written as it is may be JSON, too.
            if !isFailure, operation.isContent { return [] }
            let isLast = index == answers.indices.last
            let schemas =
                isFailure ? [failure] : isLast && isWhole ? [operation.output] : operation.items + [operation.output]
            let all = schemas.map { Self.problems(answer, $0, "$") }
            return all.contains(where: \.isEmpty) ? [] : all.min { $0.count < $1.count } ?? []
        }
    }

    private static func problems(_ value: Answer, _ schema: Answer, _ place: String) -> [String] {
        guard case .object(let words) = schema else { return ["\(place): a schema is no object"] }
        var problems: [String] = []
        for (word, rule) in words {
            switch word {
            case "type":
                let types = rule.text.map { [$0] } ?? rule.items.compactMap(\.text)
                if !types.contains(where: value.isOf) {
                    problems.append("\(place) is no \(types.joined(separator: ", "))")
                }
            case "enum":
                if !rule.items.contains(value) { problems.append("\(place) is \(value), which is not among its words") }
            case "oneOf":
                let fitting = rule.items.count { Self.problems(value, $0, place).isEmpty }
                if fitting != 1 { problems.append("\(place) fits \(fitting) of its schemas") }
            case "items":
                for (index, item) in value.items.enumerated() {
                    problems += Self.problems(item, rule, "\(place)[\(index)]")
                }
            case "properties":
                problems += value.members.flatMap { name, member in
                    rule.members[name].map { Self.problems(member, $0, "\(place).\(name)") } ?? []
                }
            case "required":
                guard case .object(let members) = value else { continue }
                for name in rule.items.compactMap(\.text) where members[name] == nil {
                    problems.append("\(place).\(name) is not there")
                }
            case "additionalProperties":
                let known = words["properties"]?.members ?? [:]
                for (name, member) in value.members where known[name] == nil {
                    problems +=
                        rule == .flag(false)
                        ? ["\(place).\(name) is not described"] : Self.problems(member, rule, "\(place).\(name)")
                }
            case "format":
                guard let text = value.text else { continue }
                if !fits(text, rule.text) { problems.append("\(place) is no \(rule.text ?? ""): \(text)") }
            case "description", "title", "x-unit": continue
            default: problems.append("\(place): its schema has the word \(word)")
            }
        }
        return problems
    }

    private static func fits(_ text: String, _ format: String?) -> Bool {
        switch format {
        case "cid": text.count >= 8 && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
        case "date-time": text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil
        case "uri": text.contains(":")
        case "backend", "path": true
        default: false
        }
    }
}

extension Answer {
    /// The members of an object; none for anything else.
    var members: [String: Answer] { if case .object(let members) = self { members } else { [:] } }

    fileprivate func isOf(_ type: String) -> Bool {
        switch (self, type) {
        case (.null, "null"), (.flag, "boolean"), (.text, "string"), (.list, "array"), (.object, "object"): true
        case (.number(let number), "integer"): number == number.rounded()
        default: false
        }
    }
}
