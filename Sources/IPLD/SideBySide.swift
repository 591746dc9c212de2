/// The weight, in bytes as a rule, that is worth a task of its own.
private let weightOfPart = 1 << 19

/// Runs `work` over parts of `items` on all cores, and gives what came out in the order of the items.
///
/// For work that computes; `weight` says how much of it an item is, in bytes hashed or the like.
@concurrent
package func sideBySide<Item: Sendable, Value: Sendable>(
    _ items: [Item],
    weight: (Item) -> Int,
    _ work: @escaping @Sendable (Item) -> Value
) async -> [Value] {
    let parts = parts(of: items, weight)
    guard parts.count > 1 else { return items.map(work) }
    return await withTaskGroup(of: Done<Value>.self) { group in
        for (number, range) in parts.enumerated() {
            group.addTask { Done(number: number, values: items[range].map(work)) }
        }
        var done = [[Value]](repeating: [], count: parts.count)
        for await part in group { done[part.number] = part.values }
        return done.flatMap { $0 }
    }
}

/// What one task made.
private struct Done<Value: Sendable>: Sendable {
    let number: Int
    let values: [Value]
}

private func parts<Item>(of items: [Item], _ weight: (Item) -> Int) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = 0
    var sum = 0
    for (index, item) in items.enumerated() {
        sum += weight(item)
        guard sum >= weightOfPart else { continue }
        parts.append(start..<index + 1)
        start = index + 1
        sum = 0
    }
    if start < items.count { parts.append(start..<items.count) }
    return parts
}

extension Block {
    /// Checks blocks on all cores; see ``verify()``.
    ///
    /// - Returns: how many blocks from the first on are good, and the problem of the one after them, or nil where all
    ///   are.
    public static func verify(_ blocks: [Block]) async -> (good: Int, problem: DecodingProblem?) {
        let problems = await problems(of: blocks)
        guard let first = problems.firstIndex(where: { $0 != nil }) else { return (blocks.count, nil) }
        return (first, problems[first])
    }

    /// Checks blocks on all cores, and gives for each what ``verify()`` throws, or nil.
    public static func problems(of blocks: [Block]) async -> [DecodingProblem?] {
        await sideBySide(blocks, weight: { $0.bytes.count + 64 }) { block -> DecodingProblem? in
            do throws(DecodingProblem) {
                try block.verify()
                return nil
            } catch {
                return error
            }
        }
    }
}
