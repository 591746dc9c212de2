@testable import Catalog
import Multiformats
import Schema
import Synchronization
import TestKit

func root(_ number: Int) -> CID { CID.v1(.dagPB, Multihash.sha256(of: Array("root \(number)".utf8))) }

/// A catalog of its own, with backends `a` and `b`, and a clock that moves when it is told to.
struct CatalogSample {
    let path: String
    let clock: ManualTime
    let catalog: Catalog

    init() async throws {
        path = Scratch.current + "/catalog.sqlite"
        let clock = ManualTime()
        self.clock = clock
        catalog = try Catalog.make(at: path, now: { clock.now })
        try await catalog.register(["a", "b"])
    }

    /// The exclusive lease of a backend.
    func lease(_ backend: String = "a") async throws -> Lease {
        try await catalog.takeLease(backend, for: 60_000).get()
    }

    /// Something that was seen of a root.
    func seen(
        _ number: Int,
        _ finding: Observation.Finding = .whole,
        by method: String = "read-back",
        path: String? = nil,
        basis: Int64? = nil
    ) -> Observation {
        Observation(
            root(number),
            finding,
            method: method,
            place: Location(path ?? "cars/\(number).car"),
            size: 10,
            at: catalog.time,
            by: "test",
            basis: basis
        )
    }

    /// The mapping of a root on a backend.
    func mapping(_ number: Int, _ backend: String = "a") async throws -> Mapping? {
        try await catalog.mappings(of: [root(number)]).first { $0.backend == backend }
    }

    func pin(_ numbers: Int..., replicas: Int? = nil) async throws {
        try await catalog.addPins(
            numbers.map { Pin(cid: root($0), replicas: replicas, createdAt: catalog.time) },
            reason: "test"
        )
    }
}

/// A clock that moves when it is told to.
final class ManualTime: Sendable {
    private let time = Mutex<Int64>(1_000_000)
    var now: Int64 { time.withLock { $0 } }
    func advance(_ milliseconds: Int64) { time.withLock { $0 += milliseconds } }
}
