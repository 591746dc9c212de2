package import Schema

/// Says what operations take and give, for programs.
package struct ShowSchema: Operation {
    package static let name = "schema"
    package static let summary = "Say what operations take and give, as JSON Schema."
    package static let details = """
        For each operation: where it is shown, whether it changes something, and the JSON Schema 2020-12 of its inputs, of \
        its answer (what --json prints) and of the lines before that, where its output comes bit by bit. Without a name it \
        is all of them. A failure is an answer of its own, which `failure` describes.
        Example: ipfs-kit schema pin add
        """

    package var words: [String] = []

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("operation", \.words, help: "The words of the operation.", positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let name = words.joined(separator: " ")
        guard !name.isEmpty else { return .all }
        let rows = operationTable.filter { $0.operation.name == name }
        guard rows.isEmpty else { return Output(rows: rows) }
        let near = nearest(to: name, among: operationTable.map { $0.operation.name }).map { "; did you mean “\($0)”?" }
        throw KitError(.notFound, "There is no operation “\(name)”\(near ?? ".")", hint: .help())
    }

    /// What operations take and give.
    package struct Output: OperationOutput {
        let rows: [OperationRow]

        /// All that there is to say.
        package static var all: Output { Output(rows: operationTable) }

        package static let outputFields: [OutputField<Self>] = [
            OutputField("schema_dialect", "What the schemas are written in.", as: .url) { _ in
                "https://json-schema.org/draft/2020-12/schema"
            },
            OutputField("operations", "The operations.") { $0.rows },
            .json("failure", "What is given in place of an answer where an operation fails.", .map(.any)) { _ in
                Shape.object([Shape.Member("error", "What went wrong.", KitError.shape)]).schema
            },
        ]
        package var report: Report { Report(json.indented.split(separator: "\n").map { .line(String($0)) }) }
    }
}

extension OperationRow: Answer {
    package static let outputFields: [OutputField<Self>] = [
        OutputField("name", "The words of the operation.") { $0.operation.name },
        OutputField("summary", "What it does.") { $0.operation.summary },
        OutputField("details", "What more there is to say.") { $0.operation.details },
        OutputField(
            "changes",
            "Whether it may change content, pins, backends or settings; what is looked at anew, and plans, others keep too."
        ) { $0.operation.changes },
        OutputField("shown", "Where it can be reached.", as: .choice(Surface.allCases.map(\.rawValue))) { row in
            Surface.allCases.filter(row.surfaces.contains).map(\.rawValue)
        },
        OutputField(
            "writes_content",
            "Whether it writes content as it is, and gives no answer, where no file is named for that."
        ) { $0.operation.writesContent },
        .json("input", "The schema of what it takes.", .map(.any)) { inputSchema($0.operation) },
        .json("output", "The schema of its answer, where it is not content that is written as it is.", .map(.any)) {
            $0.operation.answerShape.schema
        },
        .json("items", "The schemas of the lines before that, where there are any.", .list(.map(.any))) { row in
            .array(row.operation.items.map { $0.shape.schema })
        },
    ]

    private static func inputSchema<Subject: Operation>(_: Subject.Type) -> JSON {
        let fields = Subject.fieldInfo
        let defaults = Subject()
        let properties = fields.map { field in
            JSON.Member(field.name, field.schema(default: defaults.value(of: field.name)))
        }
        return [
            "type": "object", "properties": .object(properties),
            "required": .array(fields.filter(\.isRequired).map { .string($0.name) }), "additionalProperties": false,
        ]
    }
}

extension FieldInfo {
    /// What the field takes, as JSON Schema 2020-12; a size is a number of bytes, or text with a unit,
    /// and a length of time a number of seconds, or text with units.
    func schema(default standard: FieldValue?) -> JSON {
        let format: [JSON.Member] = meaning.map { [.init("format", .string($0.rawValue))] } ?? []
        var members: [JSON.Member] =
            switch kind {
            case .text: [.init("type", "string")] + format
            case .integer:
                [.init("type", "integer")] + (least.map { [.init("minimum", .integer($0))] } ?? [])
            case .flag: [.init("type", "boolean")]
            case .list: [.init("type", "array"), .init("items", .object([.init("type", "string")] + format))]
            case .choice(let words): [.init("type", "string"), .init("enum", .array(words.map { .string($0) }))]
            case .size: [.init("type", ["integer", "string"]), .init("x-unit", "bytes")]
            case .duration: [.init("type", ["integer", "string"]), .init("x-unit", "seconds")]
            }
        members.append(.init("description", .string(help)))
        if let standard { members.append(.init("default", standard.json)) }
        if isPositional { members.append(.init("x-positional", true)) }
        if isSecret { members.append(.init("writeOnly", true)) }
        if meaning?.isLocal == true { members.append(.init("x-local", true)) }
        return .object(members)
    }
}

extension FieldValue {
    /// The value as machines read it.
    var json: JSON {
        switch self {
        case .text(let text): .string(text)
        case .integer(let number): .integer(number)
        case .flag(let flag): .bool(flag)
        case .list(let items): .array(items.map { .string($0) })
        }
    }
}
