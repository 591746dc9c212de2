import Operations
import Services
import Storage
import StorageLaws
import TestKit
import Testing

/// The table of what types can do is what the laws see on real places.
@Suite(.scratch, .argumentsInTurn) struct MatrixTests {
    @Test func everyColumnHasALawOrAnOperation() {
        for column in MatrixColumn.all {
            switch column.proof {
            case .law(let title): #expect(Law.all.contains { $0.title == title }, "\(column.name)")
            case .contentLaw(let title): #expect(ContentLaw.all.contains { $0.title == title }, "\(column.name)")
            case .operation(let name):
                #expect(operationTable.contains { $0.operation.name == name }, "\(column.name)")
            }
        }
        #expect(Set(MatrixColumn.all.map(\.name)).count == MatrixColumn.all.count)
    }

    /// A cell says that nobody does it where no backend of the type does, or its law is not kept there; and that some
    /// do where not all do.
    @Test(.timeLimit(.minutes(10)), arguments: ServiceRow.all.map(\.type))
    func cellsAreWhatLawsSee(_ type: String) async throws {
        let row = try #require(ServiceRow.named(type))
        var seen: Set<String> = []
        var always = Set(MatrixColumn.all.map(\.name))
        for subject in Subject.all where ServiceRow.named(subject.type)?.type == type {
            for open in [subject.open] + subject.others {
                try await Subject.closing(try await open()) { content in
                    let objects = content.objects
                    for column in MatrixColumn.all {
                        let holds = column.holds(for: content.capabilities, objects: objects?.capabilities ?? [])
                        if !holds { always.remove(column.name) }
                        guard holds, !seen.contains(column.name) else { continue }
                        if try await Self.isKept(column.proof, content, objects, subject) { seen.insert(column.name) }
                    }
                }
            }
        }
        #expect(MatrixColumn.names(for: row) == MatrixColumn.all.map(\.name).filter { seen.contains($0) })
        #expect(always.isSuperset(of: MatrixColumn.certainNames(for: row)))
    }

    /// Whether the law of a column is kept, where it is one that can be tried on the backend.
    private static func isKept(
        _ proof: MatrixColumn.Proof,
        _ content: any ContentService,
        _ objects: (any StorageService)?,
        _ subject: Subject
    ) async throws -> Bool {
        switch proof {
        case .operation: return true
        case .contentLaw(let title):
            let law = try #require(ContentLaw.all.first { $0.title == title })
            if try await law.verify(on: content) == .kept { return true }
            // Where something else stores for what only gives, it is tried on that.
            guard let stocked = subject.stocked else { return false }
            return try await Subject.closing(try await stocked()) { try await law.verify(on: $0) == .kept }
        case .law(let title):
            // A place without room for objects is tried by the laws of content.
            guard let objects else { return true }
            let law = try #require(Law.all.first { $0.title == title })
            return try await law.verify(on: LawSubject(objects, boundary: subject.boundary)) == .kept
        }
    }
}
