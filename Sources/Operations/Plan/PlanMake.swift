internal import BlockStore
internal import Catalog
internal import Digests
internal import Multiformats
internal import POSIX
package import Schema
internal import Services

/// Keeps what an operation would do.
package struct PlanMake: Operation {
    package static let name = "plan make"
    package static let summary = "Keep what an operation would do under a name, to be looked at and applied once."
    package static let details = """
        The same is made by --plan with the command itself. A plan is applied once, before it expires, and only where it would \
        be the same by then. Secrets are not kept: a plan has ${VAR} or ${file:PATH} in their place.
        Example: ipfs-kit plan make sync '{"names": ["nas"], "prune": true}'
        """

    package var operation = ""
    package var inputs = "{}"
    package var expires = TimeSpan(seconds: 86_400)

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("operation", \.operation, help: "The words of the operation.", required: true, positional: true),
        Field("inputs", \.inputs, help: "The values of its inputs, an object of JSON.", positional: true),
        Field("expires", \.expires, help: "How long it can be applied."),
    ]

    /// The inputs that make a plan of an operation with values.
    package static func inputs<Action: Operation>(
        of _: Action.Type,
        _ values: [String: FieldValue]
    ) -> [String: FieldValue] {
        ["operation": .text(Action.name), "inputs": .text(json(of: Action.self, values).compact)]
    }

    /// Values as an object of JSON, each as the schema of the operation says.
    private static func json<Action: Operation>(of _: Action.Type, _ values: [String: FieldValue]) -> JSON {
        let members = values.sorted { $0.key < $1.key }.map { name, value in
            let isList = Action.fieldInfo.first { $0.name == name }?.kind == .list
            // A text in which nothing is to be cut is given as the only item of a list.
            if !isList, case .list(let items) = value, items.count == 1 { return JSON.Member(name, .string(items[0])) }
            return JSON.Member(name, value.json)
        }
        return .object(members)
    }

    /// What a plan lasts at most, in seconds.
    private static let longest: Int64 = 30 * 86_400
    /// Effects that are longer than this, in bytes, are not kept.
    private static let longestEffects = 4 << 20

    package func run(in call: Call) async throws(KitError) -> Output {
        guard (1...Self.longest).contains(expires.seconds) else {
            throw KitError(.usage, "--expires is from 1s to 30d.")
        }
        return try await plan(try planned(operation), call)
    }

    private func plan<Action: ChangingOperation>(_: Action.Type, _ call: Call) async throws(KitError) -> Output {
        let values = try Self.lasting(try Self.values(of: Action.self, inputs), of: Action.self)
        // What is known to be a secret, wherever it stands.
        let inputs = Self.json(of: Action.self, values)
        guard Redactor.shared.clean(inputs) == inputs else { throw Self.keepsNoSecrets }
        let catalog = try call.kit.catalog()
        let generation = try await kitErrors { try await catalog.generation() }
        let effects = try await call.effects(of: Action.self, values)
        // Whoever looks at it later may not know what is a secret in it.
        let text = Redactor.shared.clean(effects.json).compact
        let now = call.kit.now
        let plan = KeptPlan(
            operation: Action.name,
            inputs: inputs.compact,
            effects: text.utf8.count <= Self.longestEffects ? text : nil,
            digest: try await Self.digest(of: effects, Action.self, values, call.kit),
            generation: generation,
            surface: call.surface.rawValue,
            maker: call.kit.user,
            madeAt: now,
            expiresAt: Timestamp(milliseconds: now.milliseconds + expires.seconds * 1000)
        )
        // What would fail as it is now needs no approval.
        let isKept = effects.exitCode == .ok || effects.exitCode == .partlyFailed
        if isKept { try await kitErrors { try await catalog.add(plan) } }
        return Output(
            plan: isKept ? ShownPlan(plan, at: now) : nil,
            exitCode: effects.exitCode,
            effects: effects.json,
            effectsReport: effects.report
        )
    }

    /// What tells effects from others, but for times in them, and what they are about: the settings of all backends
    /// with the places to which they lead, those of the home, and the pins of all roots that are named.
    ///
    /// Where the answer only counts what would be changed, the same count may be of something else: then it is the
    /// state of the catalog and of the store, too.
    static func digest<Action: ChangingOperation>(
        of effects: Action.Output,
        _: Action.Type,
        _ values: [String: FieldValue],
        _ kit: Kit
    ) async throws(KitError) -> [UInt8] {
        let shape = Action.Output.shape
        var text = shape.withoutTimes(effects.json).compact
        text += await kit.whereBackendsLead()
        var named = Set(shape.cids(in: effects.json))
        for field in Action.fieldInfo where field.meaning == .cid {
            if case .list(let items)? = values[field.name] { named.formUnion(items) }
            if case .text(let item)? = values[field.name] { named.insert(item) }
        }
        let roots = named.compactMap { try? parseCID($0) }
        let catalog = try kit.catalog()
        text += try await kitErrors {
            let pins = try await catalog.pins(of: Array(Set(roots)))
            return pins.sorted { $0.cid.bytes.lexicographicallyPrecedes($1.cid.bytes) }.map { "\n\($0)" }.joined()
        }
        if Action.answersInCounts {
            let (catalog, store) = (try kit.catalog(), try kit.store())
            text += try await kitErrors { " \(try await catalog.generation()) \(try await store.generation())" }
        }
        return Digests.digest(.sha256, of: Array(text.utf8))
    }

    /// The values in an object of JSON; throws `usage` for names that are no inputs, and for values that do not fit.
    static func values<Action: Operation>(
        of _: Action.Type,
        _ text: String
    ) throws(KitError) -> [String: FieldValue] {
        guard case .object(let members)? = try? JSON(reading: Array(text.utf8)) else {
            throw KitError(.usage, "The inputs are no object of JSON.", hint: .help(on: name))
        }
        var values: [String: FieldValue] = [:]
        for member in members {
            guard let field = Action.fieldInfo.first(where: { $0.name == member.name }) else {
                let names = Action.fieldInfo.map(\.name)
                throw KitError(
                    .usage,
                    SchemaError.unknown(member.name, among: names).message,
                    hint: .help(on: Action.name)
                )
            }
            do throws(FieldProblem) {
                values[field.name] = try field.value(member.value)
            } catch {
                throw KitError(.usage, "\(field.name): \(error.phrase).", hint: .help(on: Action.name))
            }
        }
        guard values.removeValue(forKey: "dry_run") != .flag(true) else {
            throw KitError(.usage, "A plan says what would be done, and does it when it is applied: no dry_run.")
        }
        return values
    }

    /// The values as they can be kept: files are named from the root on, standard input is none, and secrets are named.
    private static func lasting<Action: Operation>(
        _ values: [String: FieldValue],
        of _: Action.Type
    ) throws(KitError) -> [String: FieldValue] {
        var lasting = values
        for field in Action.fieldInfo {
            guard let value = values[field.name] else { continue }
            let items = if case .list(let items) = value { items } else { [value.text] }
            guard !items.contains("-") else {
                throw KitError(.usage, "Standard input and output are of this moment, and a plan is for a later one.")
            }
            guard field.name != "settings" || !items.contains(where: isLiteralSecret) else {
                throw keepsNoSecrets
            }
            guard field.meaning == .path else { continue }
            if case .list = value {
                lasting[field.name] = .list(items.map(absolutePath))
            } else {
                lasting[field.name] = .text(absolutePath(value.text))
            }
        }
        return lasting
    }

    private static var keepsNoSecrets: KitError {
        KitError(.usage, "A plan keeps no secrets: name ${VAR} or ${file:PATH} in their place.")
    }

    /// Whether a setting is a secret that stands there as it is.
    private static func isLiteralSecret(_ setting: String) -> Bool {
        guard let equals = setting.firstIndex(of: "=") else { return false }
        let name = String(setting[..<equals]).replacing("-", with: "_")
        let fields = backendTypes.flatMap { BackendFile.fields(of: $0) }
        guard fields.contains(where: { $0.isSecret && ($0.name == name || $0.aliases.contains(name)) }) else {
            return false
        }
        // One reference and nothing around it; what stands for it when it is not set would be the secret again.
        let value = setting[setting.index(after: equals)...]
        guard value.hasPrefix("${"), value.hasSuffix("}") else { return true }
        return value.dropFirst(2).dropLast().contains { "${}".contains($0) } || value.contains(":-")
    }

    /// The plan, and what would be done.
    package struct Output: OperationOutput {
        let plan: ShownPlan?
        package let exitCode: ExitCode
        let effects: JSON
        let effectsReport: Report

        package static let outputFields: [OutputField<Self>] = [
            OutputField("plan", "The plan; null where the operation would fail, and none is kept.") { $0.plan },
            .json("effects", "What the operation would answer, and do.", .any) { $0.effects },
        ]
        package var report: Report {
            let end: [Report.Part] =
                if let plan {
                    [
                        .line("Kept as a plan until \(plan.plan.expiresAt)."),
                        .command(Hint(PlanApply.self, ["id": plan.plan.id])),
                    ]
                } else {
                    [.line("It would not be done, so no plan is kept.")]
                }
            return Report(
                effectsReport.parts + end,
                warnings: effectsReport.warnings,
                failures: effectsReport.failures
            )
        }
        package var quietLines: [String]? { plan.map { [$0.plan.id] } ?? [] }
    }
}

/// The operation of a name, of which there can be a plan; throws `usage` where there is none.
func planned(_ name: String) throws(KitError) -> any ChangingOperation.Type {
    guard let row = operationTable.first(where: { $0.operation.name == name }) else {
        let near = nearest(to: name, among: operationTable.map { $0.operation.name }).map { "; did you mean “\($0)”?" }
        throw KitError(.usage, "There is no operation “\(name)”\(near ?? ".")", hint: .help())
    }
    guard name != PlanApply.name else {
        throw KitError(
            .usage,
            "There is no plan of applying a plan; --dry-run says what would be done.",
            hint: .help(on: name)
        )
    }
    guard let operation = row.operation as? any ChangingOperation.Type else {
        throw KitError(.usage, "“\(name)” changes nothing that could be planned.", hint: .help(on: name))
    }
    return operation
}

extension FieldInfo {
    /// A value of this field out of JSON.
    func value(_ json: JSON) throws(FieldProblem) -> FieldValue {
        switch (kind, json) {
        case (.list, .array(let items)):
            let texts = items.compactMap(\.string)
            guard texts.count == items.count else { throw FieldProblem("it takes a list of texts") }
            return .list(texts)
        case (.list, _): throw FieldProblem("it takes a list of texts")
        case (.text, .string), (.choice, .string), (.size, .string(_)), (.duration, .string):
            return try parse(json.string ?? "")
        case (.flag, .bool(let flag)): return .flag(flag)
        case (.integer, .integer(let number)), (.size, .integer(let number)), (.duration, .integer(let number)):
            return .integer(number)
        case (.flag, _): throw FieldProblem("it takes true or false")
        case (.text, _), (.choice, _): throw FieldProblem("it takes text")
        case (.integer, _), (.size, _), (.duration, _): throw FieldProblem("it takes a whole number, and no such one")
        }
    }
}
