import Digests
import Storage
import StorageLaws
import Synchronization
import TestKit

/// A way of being wrong, and the laws that it must break.
struct Flaw: Sendable, CustomStringConvertible {
    let description: String
    /// Titles of laws, or parts of them.
    let breaks: [String]
    let make: @Sendable (MemoryService) -> any StorageService

    init(
        _ description: String,
        breaks: [String],
        _ make: @escaping @Sendable (MemoryService) -> any StorageService
    ) {
        self.description = description
        self.breaks = breaks
        self.make = make
    }

    static let all = writing + reading + lists + racing + credulous + kept

    private static let writing: [Flaw] = [
        Flaw(
            "drops the last byte",
            breaks: [
                "read back", "one body is read", "512 bytes", "one byte is kept", "one byte below",
                "as long as the boundary",
                "one byte above", "twice the boundary and one byte is kept", "stored at once", "is read by many",
                "given up", "last byte can be read",
            ]
        ) { memory in
            FaultyService(memory, [Fault(.put, .alter { Array($0.dropLast()) })])
        },
        Flaw("makes one byte of nothing", breaks: ["an empty object is kept", "any range of an empty object"]) {
            memory in
            FaultyService(memory, [Fault(.put, .alter { $0.isEmpty ? [0] : $0 })])
        },
        Flaw("stores each name once", breaks: ["storing again replaces", "again is harmless"]) { memory in
            AlteredService(memory) {
                $0.onPut = { (name, body) async throws(StorageError) in
                    guard memory.contents[name] == nil else { throw StorageError(.exists, "\(name) is there.") }
                    return try await memory.put(name, body)
                }
            }
        },
        Flaw("removes nothing", breaks: ["what is removed is gone", "removed by many", "a list follows"]) { memory in
            AlteredService(memory) { $0.onDelete = { (_) async throws(StorageError) in } }
        },
        Flaw("wants to find what it removes", breaks: ["removing what is missing"]) { memory in
            AlteredService(memory) {
                $0.onDelete = { (name) async throws(StorageError) in
                    _ = try await memory.stat(name)
                    try await memory.delete(name)
                }
            }
        },
        Flaw("removes by prefix", breaks: ["leaves its neighbours", "removing the name of a folder"]) { memory in
            AlteredService(memory) {
                $0.onDelete = { (name) async throws(StorageError) in
                    for other in memory.contents.keys where other.text.hasPrefix(name.text) {
                        memory.tamper(other, nil)
                    }
                }
            }
        },
        Flaw("makes room for folders", breaks: ["below the name of another", "with the name of a folder"]) { memory in
            AlteredService(memory) {
                $0.onPut = { (name, body) async throws(StorageError) in
                    let receipt = try await memory.put(name, body)
                    for other in memory.contents.keys
                    where other.text.hasPrefix(name.text + "/") || name.text.hasPrefix(other.text + "/") {
                        memory.tamper(other, nil)
                    }
                    return receipt
                }
            }
        },
        Flaw("does not mind letter case", breaks: ["every legal character"]) { memory in
            AlteredService(memory) {
                $0.onPut = { (name, body) async throws(StorageError) in
                    try await memory.put(ObjectName(name.text.lowercased()) ?? name, body)
                }
            }
        },
        Flaw(
            "keeps what came of a broken upload",
            breaks: FaultTitles.all + ["stopped upload", "of a stopped task"]
        ) { memory in
            AlteredService(memory) {
                $0.onPut = { (name, body) async throws(StorageError) in
                    var bytes: [UInt8] = []
                    do throws(StorageError) {
                        for try await chunk in body.open() { bytes += chunk }
                    } catch {}
                    memory.tamper(name, bytes)
                    return PutReceipt(proof: nil)
                }
            }
        },
        Flaw(
            "claims another digest",
            breaks: ["proof of an upload", "digest of a stored", "digest follows", "in lists fit"]
        ) {
            memory in
            let wrong = ObjectDigest.md5(Array(repeating: 7, count: 16))
            return AlteredService(memory) {
                $0.onPut = { (name, body) async throws(StorageError) in
                    _ = try await memory.put(name, body)
                    return PutReceipt(proof: wrong)
                }
                $0.onStat = { (name) async throws(StorageError) in
                    ObjectInfo(name: name, length: try await memory.stat(name).length, digest: wrong)
                }
                $0.onList = { Listed.changed(memory.list($0)) { $0.map { $0.with(digest: wrong) } } }
            }
        },
    ]

    private static let reading: [Flaw] = [
        Flaw("says that it is down for what is missing", breaks: ["missing is not found", "range of what is missing"]) {
            memory in
            AlteredService(memory) {
                $0.onGet = { (name, range, version) async throws(StorageError) in
                    guard memory.contents[name] != nil else { throw StorageError.passing }
                    return try await memory.get(name, range, version: version)
                }
            }
        },
        Flaw("finds names by their beginning", breaks: ["that another begins with"]) { memory in
            AlteredService(memory) {
                $0.onStat = { (name) async throws(StorageError) in
                    let found = memory.contents.keys.first { $0.text.hasPrefix(name.text) }
                    return try await memory.stat(found ?? name)
                }
            }
        },
        Flaw(
            "counts the end of a range in",
            breaks: [
                "every range of a small", "by chance", "across the boundary", "an empty range", "make up the whole",
            ]
        ) { memory in
            AlteredService(memory) {
                $0.onGet = { (name, range, version) async throws(StorageError) in
                    let wider = range.map { $0.lowerBound..<max($0.upperBound, $0.upperBound &+ 1) }
                    return try await memory.get(name, wider, version: version)
                }
            }
        },
        Flaw("refuses a range beyond the end", breaks: ["beyond the end gives", "at the end or beyond"]) { memory in
            AlteredService(memory) {
                $0.onGet = { (name, range, version) async throws(StorageError) in
                    let length = try await memory.stat(name).length
                    if let range, range.upperBound > length ?? 0 { throw StorageError(.unexpected, "416") }
                    return try await memory.get(name, range, version: version)
                }
            }
        },
        Flaw("gives what has the name by now", breaks: ["between two chunks"]) { memory in
            AlteredService(memory) {
                $0.onGet = { (name, range, version) async throws(StorageError) in
                    let opened = try await memory.get(name, range, version: version)
                    let position = Locked(0)
                    let stream = Pulled {
                        { () async throws(StorageError) in
                            let bytes = memory.contents[name] ?? []
                            return position.change { position in
                                let chunk = Array(bytes.dropFirst(position).prefix(1 << 20))
                                position += chunk.count
                                return chunk.isEmpty ? nil : chunk
                            }
                        }
                    }
                    return OpenObject(range == nil ? stream : opened.stream, length: opened.length, version: nil)
                }
            }
        },
        Flaw("loses the end where nothing can be removed", breaks: ["where nothing can be removed"]) { memory in
            let short = FaultyService(memory, [Fault(.put, .alter { Array($0.dropLast()) })])
            return AlteredService(short) { $0.capabilities.remove(.delete) }
        },
        Flaw("says nothing of its usage", breaks: ["how much it holds"]) { memory in
            AlteredService(memory) { $0.onUsage = { () async throws(StorageError) in Usage() } }
        },
        Flaw("does what it says it cannot", breaks: ["cannot do is refused"]) { memory in
            AlteredService(memory) { $0.capabilities = [.write, .delete] }
        },
    ]
}

/// The titles of the laws on sources that go wrong.
private enum FaultTitles {
    static let all = ["ends early", "gives too much", "breaks in the middle"].flatMap { fault in
        ["source that \(fault) stores nothing", "source that \(fault) leaves"]
    }
}
