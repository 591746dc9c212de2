/// Runs `work` on items as they come, up to `width` of them at once, and hands what came out to `take` in the order of
/// the items.
///
/// No item waits for the slowest of a batch: as soon as one is taken, another one begins. `next` gives nil where there
/// is nothing to begin; it is asked again after something was taken, and all is done when nothing is left to take. It
/// and `take` are never called at the same time. The first error of any of the three ends it all.
package func inOrder<Item: Sendable, Value: Sendable>(
    width: Int,
    next: () async throws -> Item?,
    work: @escaping @Sendable (Item) async throws -> Value,
    take: (Value) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Numbered<Value>.self) { group in
        var begun = 0
        var taken = 0
        var done: [Int: Value] = [:]
        while true {
            try Task.checkCancellation()
            while begun - taken < width, let item = try await next() {
                let number = begun
                begun += 1
                group.addTask { Numbered(number: number, value: try await work(item)) }
            }
            if let value = done.removeValue(forKey: taken) {
                taken += 1
                try await take(value)
                continue
            }
            guard let finished = try await group.next() else { break }
            done[finished.number] = finished.value
        }
    }
}

/// What one task made.
private struct Numbered<Value: Sendable>: Sendable {
    let number: Int
    let value: Value
}
