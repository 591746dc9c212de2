import Foundation
import TestKit
import Testing

extension Adversity {
    /// Processes at one home are killed side by side, at moments that chance chooses.
    ///
    /// What was acknowledged is there, the next commands end well, and nothing stays on a backend that nobody knows.
    @Suite(.memoryScratch, .serialized, .timeLimit(.minutes(120))) struct KillTests {
        @Test(arguments: Place.allCases) func nothingAcknowledgedIsLost(with place: Place) async throws {
            var user = try await User.ready()
            let disk = Outside.directory(try await user.createDisk("disk"))
            let outside = try await place.create(for: &user)
            var crowd = Crowd(user, backends: ["disk", "other"], seed: Options.seed &+ UInt64(place.rawValue.count))
            let wanted = (Options.kills + Place.allCases.count - 1) / Place.allCases.count
            var rounds = 0
            while crowd.kills < wanted, rounds < wanted * 4 {
                let label = "round \(rounds)"
                try await crowd.round(label)
                if rounds % 6 == 5 {
                    try await crowd.mustRun("store", "verify", label: label)
                    try await crowd.readAll(label)
                }
                if rounds % 8 == 7 { try await recoverKilled(&crowd, rounds) }
                rounds += 1
            }
            try await settle(&crowd, [disk, outside])
            try await compareRecovered(&crowd)
            let alarms = crowd.alarms.map { text in
                Alarm(run: "\(Options.kills)", kind: place.rawValue, text: "seed \(Options.seed), \(text)")
            }
            alarms.report("IPFS_KIT_KILLS")
            #expect(crowd.kills >= wanted, "only \(crowd.kills) of \(wanted) came in time")
            print(
                "   kills: \(crowd.kills) of \(crowd.deeds) processes in \(rounds) rounds with \(place),",
                "\(crowd.pinned.count) pins kept, seed \(Options.seed)"
            )
        }

        /// Recovers into a new home, kills it, and lets the next run finish.
        private func recoverKilled(_ crowd: inout Crowd, _ round: Int) async throws {
            guard try await crowd.user.attempt(["sync", "disk"]).code == 0 else { return }
            let pins = try await crowd.user.pins()
            let fresh = try await User.ready("fresh-\(round)")
            defer { try? FileManager.default.removeItem(atPath: fresh.folder) }
            try await fresh.run("backend", "create", "disk", "filesystem", "--path", crowd.user.folder + "/disk")
            let moment = Duration.milliseconds(crowd.number(in: 1..<120))
            let result = try await fresh.attempt(["recover", "--from", "disk"], timeout: moment)
            if result.code == 128 + 9 { crowd.note(kills: 1) }
            let again = try await fresh.attempt(["recover", "--from", "disk"])
            let recovered = try await fresh.pins()
            if again.code != 0 {
                crowd.note("recover after a kill ended with \(again.code): \(again.text)\(again.errorText)")
            }
            if recovered != pins { crowd.note("recover after a kill gave \(recovered.count) of \(pins.count) pins") }
        }

        /// Everything ends well now, and what is on the backends is what the mappings say.
        private func settle(_ crowd: inout Crowd, _ places: [Outside]) async throws {
            for place in places { try place.age() }
            try write(Array("the last\n".utf8), to: crowd.user.folder + "/last")
            try await crowd.mustRun("add", crowd.user.folder + "/last", label: "after all")
            // Homes that were recovered from the disk said that they count on it, and are gone.
            for peer in try await crowd.user.json("backend", "peers", "disk").peers.items {
                try await crowd.mustRun("backend", "peers", "forget", peer.home.text ?? "", label: "after all")
            }
            for words in [
                ["sync"], ["verify"], ["restore"], ["sync", "--prune"], ["verify"], ["gc", "--waste", "0"],
                ["store", "verify"],
            ] {
                let result = try await crowd.user.attempt(words)
                if result.code != 0 {
                    crowd.note("after all: \(words) ended with \(result.code): \(result.text)\(result.errorText)")
                }
            }
            try await crowd.readAll("after all")
            // Nothing but what is pinned is left in the packs: each pin has a copy on the disk.
            let packs = try Trees.size(of: crowd.user.home + "/store/packs")
            let copies = try Trees.size(of: crowd.user.folder + "/disk/cars")
            if packs > copies + 300_000 {
                crowd.note("the packs have \(packs) bytes after gc, and all copies \(copies)")
            }
            let pins = Set(try await crowd.user.pins())
            for (name, place) in zip(crowd.backends, places) {
                let mappings = try await crowd.user.json("backend", "pin", "list", name).mappings.items
                let paths = Set(mappings.compactMap(\.car_file_path.text))
                let names = try await place.names()
                let indexes = paths.map { $0 + ".idx" }
                let strays = names.subtracting(paths).subtracting(indexes).filter {
                    $0.hasPrefix("cars/") || $0.hasSuffix(".part")
                }
                for stray in strays.sorted() { crowd.note("\(name) has \(stray), which nobody knows") }
                for path in paths.subtracting(names).sorted() { crowd.note("\(name) has no \(path)") }
                let unpinned = Set(mappings.compactMap(\.cid.text)).subtracting(pins)
                for root in unpinned.sorted() { crowd.note("\(name) still holds \(root), which no pin wants") }
                let unfinished = try await place.unfinished()
                if unfinished > 0 { crowd.note("\(name) has \(unfinished) uploads in parts that nobody finishes") }
            }
        }

        /// A home that was recovered from each backend alone has the same pins and the same bytes.
        private func compareRecovered(_ crowd: inout Crowd) async throws {
            for name in crowd.backends {
                var fresh = try await User.ready("last-\(name)")
                fresh.environment = crowd.user.environment
                let settings = "/ipfs-kit/backend_configs/\(name).yaml"
                try FileManager.default.copyItem(
                    atPath: crowd.user.folder + settings,
                    toPath: fresh.folder + settings
                )
                try await fresh.run("recover", "--from", name)
                #expect(try await fresh.pins() == (try await crowd.user.pins()))
                try await crowd.readAll("recovered from \(name)", in: fresh)
            }
        }
    }
}
