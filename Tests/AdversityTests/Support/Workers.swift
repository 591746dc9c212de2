import Foundation

/// Does `work` with each item, as many at once as the machine has cores and one more; results come in the order of
/// items.
func sideBySide<Item: Sendable, Result: Sendable>(
    _ items: [Item],
    _ work: @escaping @Sendable (Item) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var results: [Result?] = items.map { _ in nil }
        var next = 0
        func start() {
            guard next < items.count else { return }
            let index = next
            next += 1
            group.addTask { (index, try await work(items[index])) }
        }
        for _ in 0...ProcessInfo.processInfo.activeProcessorCount { start() }
        while let (index, result) = try await group.next() {
            results[index] = result
            start()
        }
        return results.compactMap(\.self)
    }
}
