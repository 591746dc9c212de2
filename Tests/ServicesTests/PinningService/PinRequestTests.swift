import Foundation
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// Requests to a service that fetches content by itself.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct PinRequestTests {
    private typealias Trial = PinningTrial

    private func upload(_ archive: SampleArchive, name: String = "", origins: [String] = []) -> Upload {
        var upload = archive.upload
        (upload.name, upload.origins) = (name, origins)
        return upload
    }

    // MARK: Asking

    @Test func aRootIsLookedForBeforeItIsAskedFor() async throws {
        let archive = SampleArchive(seed: 1)
        let trial = try await Trial(["--have", "\(archive.root)"])
        let origin = "/dns4/node.example/tcp/4001/p2p/12D3KooWExample"
        let content = try await trial.open("pinning_service", ["origins": .list([origin])])
        let named = upload(archive, name: "a name", origins: ["/dns4/other.example/tcp/1", origin])
        let answer = try await content.store(named)
        let requests = try await trial.server.requests()
        #expect(
            requests == [
                "GET /psa/pins?cid=\(archive.root)&status=queued%2Cpinning%2Cpinned%2Cfailed&limit=1000",
                "POST /psa/pins",
            ]
        )
        let pin = try #require(try await trial.pins().first)
        #expect(answer == .stored(Location("pins/\(pin["requestid"]?.string ?? "")"), proof: nil))
        #expect(pin["pin"]?["name"]?.string == "a name" && pin["pin"]?["meta"]?["ipfs-kit"]?.string == "our-kit")
        #expect(pin["pin"]?["origins"]?.items?.compactMap(\.string) == ["/dns4/other.example/tcp/1", origin])
        #expect(trial.meter.counts.puts == 1 && trial.meter.counts.stats == 1)
        // It is there: nothing is asked for twice, by whomever.
        #expect(try await content.store(named) == answer)
        #expect(try await trial.open(kit: "another kit").store(named) == answer)
        #expect(try await trial.count("POST") == 1)
    }

    /// Names are cut where services cut them, and not in a character.
    @Test func aLongNameIsCut() async throws {
        let archive = SampleArchive(seed: 2)
        let trial = try await Trial(["--have", "\(archive.root)"])
        _ = try await trial.open().store(upload(archive, name: String(repeating: "ü", count: 300)))
        let name = try await trial.pins().first?["pin"]?["name"]?.string
        #expect(name == String(repeating: "ü", count: 127))
    }

    @Test func aRequestWhoseAnswerWasLostIsFoundByTheNextTry() async throws {
        let archive = SampleArchive(seed: 3)
        let trial = try await Trial(["--have", "\(archive.root)"])
        let content = try await trial.open(retries: 2)
        try await trial.server.begin("lost-answer", #"{"on": "POST", "times": 1}"#)
        guard case .stored = try await content.store(upload(archive)) else {
            Issue.record("It is not said to be stored.")
            return
        }
        #expect(try await trial.pins().count == 1)
        // Who may not try again says that nobody knows.
        let other = SampleArchive(seed: 4)
        try await trial.server.begin("lost-answer", #"{"on": "POST", "times": 1}"#)
        let error = await Trial.failure { _ = try await trial.open().store(upload(other)) }
        #expect(error?.mayHaveHappened == true && error?.code == .unavailable)
    }

    @Test func workIsAskedForUntilItIsDone() async throws {
        let archive = SampleArchive(seed: 5)
        let trial = try await Trial([
            "--have", "\(archive.root)", "--steps", "4", "--delegate", "/dns4/pins.example/tcp/1",
        ])
        let content = try await trial.open()
        guard case .accepted(let ticket) = try await content.store(upload(archive)) else {
            Issue.record("It was not accepted.")
            return
        }
        // The service has a clock of its own, by which it was asked now.
        trial.now.change { $0 = Int64(Date().timeIntervalSince1970 * 1000) }
        #expect(ticket.wait == .seconds(1) && ticket.note?.contains("/dns4/pins.example/tcp/1") == true)
        // That is told once.
        guard case .pending(let again) = await content.presence(of: archive.root, at: nil) else {
            Issue.record("It is not said to be worked on.")
            return
        }
        #expect(again.note == nil && again.text == ticket.text)
        // The longer it takes, the less often it is asked for.
        var waits: [Duration?] = []
        for age in [60_000, 7_200_000] as [Int64] {
            trial.now.change { $0 += age }
            guard case .open(let wait) = try await content.check(ticket, of: archive.root) else { continue }
            waits.append(wait)
        }
        #expect(waits.count == 2 && waits[0].map { $0 > .seconds(5) && $0 < .seconds(7) } == true)
        #expect(waits.last == .seconds(30))
        let state = try await content.check(ticket, of: archive.root)
        guard case .done(let held) = state else {
            Issue.record("\(state)")
            return
        }
        #expect(held.location == Location("pins/\(ticket.text)") && held.length == nil)
        try await trial.server.send("DELETE", "/psa/pins/\(ticket.text)")
        #expect(try await content.check(ticket, of: archive.root) == .unknown)
        #expect(try await content.check(Ticket("none"), of: archive.root) == .unknown)
    }

    /// One that failed is replaced, so that they do not heap up.
    @Test func whatFailedIsAskedForAnew() async throws {
        let archive = SampleArchive(seed: 6)
        let trial = try await Trial(["--have", "\(archive.root)", "--steps", "2"])
        let content = try await trial.open()
        guard case .accepted(let ticket) = try await content.store(upload(archive)) else {
            Issue.record("It was not accepted.")
            return
        }
        try await trial.server.begin("fail", #"{"reason": "no provider has it"}"#)
        _ = try await content.check(ticket, of: archive.root)
        #expect(try await content.check(ticket, of: archive.root) == .failed("no provider has it"))
        guard case .absent = await content.presence(of: archive.root, at: nil) else {
            Issue.record("What failed is said to be there.")
            return
        }
        try await trial.server.end("fail")
        try await trial.server.forgetRequests()
        guard case .accepted(let next) = try await content.store(upload(archive)), next.text != ticket.text else {
            Issue.record("It was not asked for anew.")
            return
        }
        #expect(try await trial.count("POST /psa/pins/\(ticket.text)") == 1)
        #expect(try await trial.pins().compactMap { $0["requestid"]?.string } == [next.text])
        // One that is gone by then is none to replace.
        try await trial.server.begin("fail", #"{"reason": "no"}"#)
        _ = try await content.check(next, of: archive.root)
        let listed = try await trial.pins().count
        #expect(listed == 1)
    }

    @Test func whatIsRefusedAtOnceIsTold() async throws {
        let archive = SampleArchive(seed: 7)
        let trial = try await Trial()
        try await trial.server.begin("fail", #"{"reason": "the CID is on a list"}"#)
        let error = await Trial.failure { _ = try await trial.open().store(upload(archive)) }
        #expect(error?.code == .unavailable && error?.message.contains("the CID is on a list") == true)
    }

    /// What was read and found damaged is fetched anew, whatever the service says that it has.
    @Test func aDamagedRootIsReplaced() async throws {
        let archive = SampleArchive(seed: 8)
        let trial = try await Trial(["--have", "\(archive.root)"])
        let content = try await trial.open(retries: 1)
        guard case .stored(let first, _) = try await content.store(upload(archive)) else { return }
        var again = upload(archive)
        again.isDamaged = true
        // That the answer is lost does not make two of it.
        try await trial.server.begin("lost-answer", #"{"on": "POST", "times": 1}"#)
        guard case .stored(let second, _) = try await content.store(again) else { return }
        let place = Trial.place(await content.presence(of: archive.root, at: nil))
        #expect(first != second && place == second)
        #expect(try await trial.pins().count == 1)
        // The number that was known is that of the first one; the second one is ours as well.
        try await content.remove(archive.root, at: first)
        #expect(try await trial.pins().isEmpty)
    }

    // MARK: Whose it is

    @Test func whatOthersAskedForIsNeverRemoved() async throws {
        let archive = SampleArchive(seed: 9)
        let trial = try await Trial(["--have", "\(archive.root)"])
        let (ours, theirs) = (try await trial.open(), try await trial.open(kit: "their-kit"))
        let foreign = try await trial.addForeign(archive.root)
        // It is there, so nothing is asked for; and it stays.
        #expect(try await ours.store(upload(archive)) == .stored(Location("pins/\(foreign)"), proof: nil))
        for location in [nil, Location("pins/\(foreign)"), Location("\(archive.root)")] {
            let error = await Trial.failure { try await ours.remove(archive.root, at: location) }
            #expect(error?.code == .permissionDenied && error?.message.contains("did not ask for it") == true)
        }
        try await trial.server.send("DELETE", "/psa/pins/\(foreign)")
        guard case .stored(let own, _) = try await ours.store(upload(archive)) else { return }
        let other = try await trial.addForeign(archive.root)
        #expect(await Trial.failure { try await theirs.remove(archive.root, at: own) }?.code == .permissionDenied)
        // What is asked for by its number is gone with that, whoever else has one.
        try await ours.remove(archive.root, at: own)
        guard case .absent = await ours.presence(of: archive.root, at: own) else {
            Issue.record("It is there still.")
            return
        }
        try await ours.remove(archive.root, at: own)
        #expect(try await trial.pins().compactMap { $0["requestid"]?.string } == [other])
        #expect(Trial.place(await ours.presence(of: archive.root, at: nil)) == Location("pins/\(other)"))
    }

    /// What is replaced gets another number, and others may have asked, too: only the list tells that nothing is there.
    @Test func whatHasAnotherNumberByNowIsThere() async throws {
        let archive = SampleArchive(seed: 14)
        let trial = try await Trial()
        // The service has its bytes by an upload.
        _ = try await trial.open("pinata").store(upload(archive))
        let content = try await trial.open()
        let (first, second) = (try await trial.addForeign(archive.root), try await trial.addForeign(archive.root))
        let (place, next) = (Location("pins/\(first)"), Location("pins/\(second)"))
        try await trial.server.send("DELETE", "/psa/pins/\(first)")
        #expect(Trial.place(await content.presence(of: archive.root, at: place)) == next)
        #expect(try await collect(content.read(archive.root, at: place), limit: 1 << 20) == archive.bytes)
        guard case .done(let held) = try await content.check(Ticket(first), of: archive.root) else {
            Issue.record("It is not said to be done.")
            return
        }
        #expect(held.location == next)
        // One that failed is no absence while another one stands.
        try await trial.server.begin("fail")
        let failed = try await trial.addForeign(archive.root)
        try await trial.server.end("fail")
        #expect(Trial.place(await content.presence(of: archive.root, at: Location("pins/\(failed)"))) == next)
        for id in [second, failed] { try await trial.server.send("DELETE", "/psa/pins/\(id)") }
        guard case .absent = await content.presence(of: archive.root, at: place) else {
            Issue.record("It is there still.")
            return
        }
        #expect(await Trial.failure { _ = try await content.read(archive.root, at: place) }?.code == .notFound)
        #expect(try await content.check(Ticket(first), of: archive.root) == .unknown)
    }

    /// Where the service forgets what goes with a request, nobody knows whose it is.
    @Test func aRequestWithoutAMarkIsNobodys() async throws {
        let archive = SampleArchive(seed: 10)
        let trial = try await Trial(["--have", "\(archive.root)"])
        let content = try await trial.open()
        try await trial.server.begin("forget-meta")
        _ = try await content.store(upload(archive))
        #expect(await Trial.failure { try await content.remove(archive.root, at: nil) }?.code == .permissionDenied)
        #expect(try await trial.pins().count == 1)
    }

    /// Whoever keeps one request for each CID says so.
    @Test func aServiceWithOneRequestForEachCIDSaysSo() async throws {
        let archive = SampleArchive(seed: 11)
        let trial = try await Trial()
        try await trial.addForeign(archive.root)
        try await trial.server.begin("fail")
        _ = try await trial.pins()
        try await trial.server.begin("duplicate")
        let error = await Trial.failure { _ = try await trial.open().store(upload(archive)) }
        #expect(error?.code == .exists && error?.retry == .never, "\(String(describing: error))")
    }

    /// What goes on at a place that somebody says is nothing of ours.
    @Test func aPlaceThatIsNoNumberIsAskedForByItsRoot() async throws {
        let archive = SampleArchive(seed: 12)
        let trial = try await Trial(["--have", "\(archive.root)"])
        let content = try await trial.open()
        let foreign = try await trial.addForeign(archive.root)
        for path in ["cars/a.car", "pins/", "pins", "", "pins/\n"] {
            let found = Trial.place(await content.presence(of: archive.root, at: Location(path)))
            #expect(found == Location("pins/\(foreign)"), "\(path)")
        }
        // A number that stands for something else is no answer to this.
        let other = SampleArchive(seed: 13)
        guard case .absent = await content.presence(of: other.root, at: Location("pins/\(foreign)")) else {
            Issue.record("Another root was taken for it.")
            return
        }
    }
}
