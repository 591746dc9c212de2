import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@Suite struct LawTests {
    /// Services that keep all laws.
    enum Good: CaseIterable, Sendable {
        case whole, inSmallPages, bare, layered, trailed, onlyReading, onlyAppending, wired, wiredAndLayered

        private func service(_ meter: Meter, over base: any StorageService) -> any StorageService {
            func stacked(_ service: any StorageService) -> any StorageService {
                let policy = policy(ManualClock().timing, connections: 3, meter: meter)
                return Checked(Governed(service, by: policy), backend: "memory")
            }
            func without(_ powers: Capabilities) -> any StorageService {
                stacked(AlteredService(base) { $0.capabilities.subtract(powers) })
            }
            return switch self {
            case .whole, .wired: base
            case .inSmallPages: MemoryService(pageSize: 2)
            case .layered: stacked(MemoryService(pageSize: 7))
            case .trailed: Trail(MemoryService(pageSize: 3))
            case .bare: without([.rangeReads, .listing, .usage, .digests, .metadata, .versions])
            case .onlyReading: without([.write, .delete])
            case .onlyAppending: without(.delete)
            case .wiredAndLayered: stacked(base)
            }
        }

        /// The service on trial, with whoever makes things go wrong around it.
        var subject: LawSubject {
            let (meter, wire) = (Meter(), WireService(MemoryService()))
            let isWired = self == .wired || self == .wiredAndLayered
            return LawSubject(
                isWired ? service(meter, over: wire) : service(meter, over: MemoryService()),
                boundary: 20_000,
                allowsBulk: true,
                mayLeave: true,
                troublemaker: isWired ? wire : nil,
                requests: { meter.counts.calls }
            )
        }
    }

    @Test(arguments: Good.allCases, Law.all)
    func memoryKeeps(_ good: Good, _ law: Law) async throws {
        guard case .doesNotApply(let reason) = try await law.verify(on: good.subject) else { return }
        try Test.cancel("\(reason)")
    }

    /// A law that never applies would be none.
    @Test(arguments: Law.all) func everyLawAppliesToSomething(_ law: Law) async throws {
        let outcomes = [
            try await law.verify(on: Good.wired.subject), try await law.verify(on: Good.onlyAppending.subject),
        ]
        #expect(outcomes.contains(.kept))
    }

    @Test func aLawThatDoesNotApplySaysWhy() async throws {
        let bare = Good.bare.subject
        var reasons: Set<String> = []
        for law in Law.all {
            if case .doesNotApply(let reason) = try await law.verify(on: bare) { reasons.insert(reason) }
        }
        #expect(
            reasons.isSuperset(of: ["The service lacks what it takes: list.", "Nothing can be made to go wrong here."])
        )
        #expect(reasons.allSatisfy { $0.hasSuffix(".") })
    }

    @Test func aTrialLeavesNothing() async throws {
        let memory = MemoryService()
        for law in Law.all { _ = try await law.verify(on: LawSubject(memory, boundary: 1000, allowsBulk: true)) }
        #expect(memory.contents.isEmpty)
    }

    @Test func aServiceThatOnlyReadsIsTriedWithoutAChange() async throws {
        let memory = MemoryService()
        _ = try await memory.put(try name("a"), Body([1]))
        let service = Checked(
            AlteredService(memory) { $0.capabilities.subtract([.write, .delete]) },
            backend: "memory"
        )
        var kept = 0
        for law in Law.all where try await law.verify(on: LawSubject(service, mayLeave: true)) == .kept { kept += 1 }
        #expect(kept >= 5)
        #expect(memory.contents.count == 1)
        let content = CARArchive(service)
        for law in ContentLaw.all where try await law.verify(on: content) == .kept { kept += 1 }
        #expect(kept >= 7)
        #expect(memory.contents.count == 1)
    }

    @Test(arguments: [ContentFake.Habit.onlyReads, .onlyFinds])
    func contentThatOnlyReadsIsTriedWithoutAChange(_ habit: ContentFake.Habit) async throws {
        let fake = ContentFake(habit, by: policy(ManualClock().timing))
        let content = CheckedContent(fake, backend: "fake")
        var kept = 0
        for law in ContentLaw.all where try await law.verify(on: content) == .kept { kept += 1 }
        #expect(kept == 2 && fake.held.isEmpty)
    }

    /// Who only finds says of nothing that it is absent, and shows that it answers all the same only where it can.
    @Test func whoFindsNothingSaysSo() async throws {
        let root = SampleArchive(seed: 1).root
        let finding = ContentFake(.onlyFinds, by: policy(ManualClock().timing))
        guard case .unknown(let error) = await finding.presence(of: root, at: nil) else {
            Issue.record("It says more than it knows.")
            return
        }
        #expect(error.code == .unavailable)
        await #expect(throws: StorageError.self) { try await finding.probe() }
        let reading = ContentFake(.onlyReads, by: policy(ManualClock().timing))
        #expect(try await reading.probe() == "It says that it does not have what nobody has.")
    }

    /// A service that says of all that it has it is lying, and one that is asked for its usage is not asked for more.
    @Test func aProbeBelievesNobody() async throws {
        let boaster = AlteredContent(ContentFake(.onlyReads, by: policy(ManualClock().timing))) {
            $0.onPresence = { .present(HeldRoot(root: $0, at: Location("\($0)"), length: nil, digest: nil)) }
        }
        let error = await #expect(throws: StorageError.self) { try await boaster.probe() }
        #expect(error?.code == .corrupt && error?.isBrokenPromise == true)
    }

    @Test func titlesAreUnique() {
        #expect(Set(Law.all.map(\.title)).count == Law.all.count)
        #expect(Law.all.count >= 35)
    }

    @Test func lawsThatAreNamedAreThere() {
        #expect(Law.briefTitles.union(Law.partsTitles).isSubset(of: Law.all.map(\.title)))
        #expect(ContentLaw.briefTitles.isSubset(of: ContentLaw.all.map(\.title)))
        #expect(Law.all.count { $0.rounds > 1 } > 5)
    }

    @Test(arguments: Flaw.all)
    func lawsBite(_ flaw: Flaw) async {
        for part in flaw.breaks {
            let laws = Law.all.filter { $0.title.contains(part) }
            #expect(!laws.isEmpty, "No law is called “\(part)”.")
            for law in laws {
                let service = flaw.make(MemoryService())
                let subject = LawSubject(
                    service,
                    boundary: 4000,
                    allowsBulk: true,
                    mayLeave: true,
                    troublemaker: service as? any Troublemaker
                )
                await #expect(throws: LawViolation.self, "\(law)") { try await law.verify(on: subject) }
            }
        }
    }

    @Test func everyLawIsBrokenBySomeFlaw() {
        let parts = Flaw.all.flatMap(\.breaks)
        for law in Law.all {
            #expect(parts.contains { law.title.contains($0) }, "No flaw is known to break “\(law)”.")
        }
    }

    @Test(arguments: ContentLaw.all)
    func archivesKeep(_ law: ContentLaw) async throws {
        let memory = MemoryService(pageSize: 3)
        #expect(try await law.verify(on: CARArchive(memory)) == .kept)
        #expect(memory.contents.isEmpty)
    }

    /// In a corner, beside the same roots outside of it.
    @Test(arguments: ContentLaw.all)
    func archivesInACornerKeep(_ law: ContentLaw) async throws {
        let memory = MemoryService(pageSize: 3)
        let outside = SampleArchive(seed: 1)
        _ = try await CARArchive(memory).store(outside.upload)
        let trail = Trail(memory)
        #expect(try await law.verify(on: CARArchive(Corner(trail, "corner/of"))) == .kept)
        #expect(await trail.sweep().isEmpty)
        #expect(memory.contents.count == 1)
    }

    @Test(arguments: ContentLaw.all)
    func contentLawsBite(_ law: ContentLaw) async {
        let flaws: [any StorageService] = [
            FaultyService(MemoryService(), [Fault(.get, .endAfter(100))]),
            FaultyService(MemoryService(), [Fault(.page, .duplicate)]),
            FaultyService(MemoryService(), [Fault(.stat, .fail(.passing))]),
            FaultyService(MemoryService(), [Fault(.delete, .fail(.lasting))]),
            AlteredService(MemoryService()) { $0.capabilities = [.write, .delete] },
        ]
        var broken = 0
        for flaw in flaws {
            do { _ = try await law.verify(on: CARArchive(flaw)) } catch { broken += 1 }
        }
        #expect(broken > 0, "No flaw breaks “\(law)”.")
    }
}
