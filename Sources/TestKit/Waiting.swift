/// Looks again and again whether `condition` holds, for at most half a minute, and as long as `isWorthIt`; whether it
/// does in the end.
///
/// This is the one place where tests wait: for a condition, and the pause only keeps the looks apart.
package func holds(
    within limit: Duration = .seconds(60),
    while isWorthIt: () -> Bool = { true },
    isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while isWorthIt(), ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return try await condition()
}
