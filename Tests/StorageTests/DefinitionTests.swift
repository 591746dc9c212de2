import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

/// A type that keeps content by CID and has a row like any other.
private enum Medium: ContentDefinition {
    struct Settings: Described {
        var shelf = ""
        init() {}
        static let fields: [Field<Self>] = [Field("shelf", \.shelf, help: "Which shelf.", required: true)]
    }

    static let type = "medium"
    static let aliases: [String] = []
    static let summary = "A shelf of media"
    static let capabilities: Capabilities = [.reads]

    static func check(_ settings: Settings) throws(StorageError) {
        guard settings.shelf != "none" else { throw StorageError(.badSettings, "There is no such shelf.") }
    }

    static func place(_ settings: Settings, in _: ServiceContext) async throws(StorageError) -> ServicePlace {
        ServicePlace([settings.shelf])
    }

    static func open(_ settings: Settings, in context: ServiceContext) async throws(StorageError) -> any ContentService
    {
        ContentFake(.onlyReads, by: context.policy)
    }
}

struct DefinitionTests {
    private let row = ServiceRow(Medium.self)
    private let context = ServiceContext(
        backend: "den",
        type: Medium.type,
        operational: OperationalSettings(),
        policy: policy(Timing(now: { 0 })),
        environment: { _ in nil }
    )
    private let root = SampleArchive(seed: 1).root

    private func refusal(of call: () async throws -> Void) async -> StorageError? {
        do {
            try await call()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    @Test func aTypeOfContentHasNoNamedBytes() async throws {
        #expect(row.capabilities == [.reads])
        let place = try await row.place(of: ["shelf": .text("3")], in: context)
        #expect(place.words == ["medium", "3"])
        let content = try await row.open(["shelf": .text("3")], in: context).content()
        #expect(content.objects == nil)
    }

    @Test func settingsThatCanNeverBeRightAreRefused() async throws {
        let error = await refusal { () async throws in _ = try await row.open(["shelf": .text("none")], in: context) }
        #expect(error?.code == .badSettings)
    }

    /// What an instance cannot do is refused before it is asked, and every error has the name of the backend.
    @Test func whatItCannotDoIsRefusedByName() async throws {
        let content = try await row.open(["shelf": .text("3")], in: context).content()
        let errors = [
            await refusal { () async throws in _ = try await content.store(Upload(root, Body([1]))) },
            await refusal { () async throws in try await content.remove(root, at: nil) },
            await refusal { () async throws in try await content.clear(root, mayResume: false) },
            await refusal { () async throws in _ = try await content.block(root) },
            await refusal { () async throws in _ = try await content.read(root, at: nil, 0..<1) },
            await refusal { () async throws in for try await _ in content.roots() {} },
            await refusal { () async throws in _ = try await content.usage(mayWalk: true) },
        ]
        for error in errors { #expect(error?.code == .unsupported && error?.backend == "den") }
        let missing = await refusal { () async throws in _ = try await content.read(root, at: nil, nil) }
        #expect(missing?.code == .notFound && missing?.backend == "den")
    }
}
