import Storage
import StorageLaws
import TestKit

/// Lists that were changed on their way.
enum Listed {
    static func changed(
        _ stream: any ObjectStream,
        _ change: @escaping @Sendable ([ObjectInfo]) -> [ObjectInfo]
    ) -> any ObjectStream {
        Pulled {
            let cursor = StreamCursor(stream)
            return { () async throws(StorageError) in
                let page = try await cursor.next()
                return page.map(change)
            }
        }
    }
}

extension ObjectInfo {
    func with(digest: ObjectDigest) -> ObjectInfo { ObjectInfo(name: name, length: length, digest: digest) }
    func with(length: UInt64) -> ObjectInfo { ObjectInfo(name: name, length: length, digest: nil) }
}

extension Flaw {
    static let lists: [Flaw] = [
        Flaw("shows everything twice in a list", breaks: ["every object once", "a list can be read twice"]) { memory in
            FaultyService(memory, [Fault(.page, .duplicate)])
        },
        Flaw("lists whole folders", breaks: ["exactly the names", "a list of nothing"]) { memory in
            AlteredService(memory) {
                $0.onList = { prefix in
                    let folder = prefix.split(separator: "/", omittingEmptySubsequences: false).dropLast()
                    let wide = memory.list(folder.joined(separator: "/"))
                    // Where there is nothing it makes something up.
                    return Listed.changed(memory.contents.isEmpty ? made(prefix) : wide) { $0 }
                }
            }
        },
        Flaw("lists names in small letters", breaks: ["come back from a list"]) { memory in
            AlteredService(memory) {
                $0.onList = { prefix in
                    Listed.changed(memory.list(prefix)) { page in
                        page.map {
                            ObjectInfo(name: ObjectName($0.name.text.lowercased()) ?? $0.name, length: $0.length)
                        }
                    }
                }
            }
        },
        Flaw("rounds lengths in lists", breaks: ["one object agree"]) { memory in
            AlteredService(memory) {
                $0.onList = { prefix in
                    Listed.changed(memory.list(prefix)) { $0.map { $0.with(length: ($0.length ?? 0) / 4 * 4) } }
                }
            }
        },
        Flaw("ends a list after one page", breaks: ["whole past one page"]) { memory in
            AlteredService(memory) {
                $0.onList = { prefix in
                    let stream = memory.list(prefix)
                    return Pulled {
                        let cursor = Once(StreamCursor(stream))
                        return { () async throws(StorageError) in try await cursor.take()?.next() }
                    }
                }
            }
        },
        Flaw("goes on listing when it is stopped", breaks: ["a list stops"]) { memory in
            AlteredService(memory) {
                $0.onList = { prefix in
                    Pulled {
                        let page = Once(memory.contents.keys.filter { $0.text.hasPrefix(prefix) })
                        return { () async throws(StorageError) in
                            page.take()?.map { ObjectInfo(name: $0, length: 1) }
                        }
                    }
                }
            }
        },
    ]

    private static func made(_ prefix: String) -> any ObjectStream {
        Pulled {
            let page = Once(ObjectName(prefix + "made-up").map { [ObjectInfo(name: $0, length: 1)] })
            return { () async throws(StorageError) in page.take() }
        }
    }

    static let racing: [Flaw] = [
        Flaw("writes in place", breaks: ["two writers", "a reader during a replacement"]) { memory in
            let turns = Locked((entered: 0, finished: 0))
            return AlteredService(memory) {
                $0.onPut = { (name, body) async throws(StorageError) in
                    let bytes = try await body.bytes()
                    let half = bytes.count / 2
                    let turn = turns.change { turns in
                        defer { turns.entered += 1 }
                        return turns.entered
                    }
                    memory.tamper(name, Array(bytes.prefix(half)) + (memory.contents[name] ?? []).dropFirst(half))
                    // Every other writer lets the next one pass, if there is one.
                    for _ in 0..<2000 where turn % 2 == 0 && turns.read({ $0.finished }) <= turn { await Task.yield() }
                    memory.tamper(name, Array((memory.contents[name] ?? []).prefix(half)) + bytes.dropFirst(half))
                    if turn % 2 == 1 { turns.change { $0.finished = max($0.finished, turn) } }
                    return PutReceipt(proof: nil)
                }
            }
        },
        Flaw("ends a read when the object goes", breaks: ["a reader during a removal"]) { memory in
            AlteredService(memory) {
                $0.onGet = { (name, range, version) async throws(StorageError) in
                    // Long enough for the removal to come in between.
                    for _ in 0..<1000 where memory.contents[name] != nil { await Task.yield() }
                    guard let bytes = memory.contents[name] else {
                        return OpenObject(Body([]).open(), length: nil, version: nil)
                    }
                    return OpenObject(Body(bytes).open(range), length: nil, version: nil)
                }
            }
        },
    ]
}
