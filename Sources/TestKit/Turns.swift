internal import Storage
package import Testing

/// Has so many tests run at once as a few processors bear.
///
/// What waits for its turn beside hundreds of others would have used up its time before it has it. Tests take turns
/// before their time begins; their arguments, of which there may be thousands, take them within it.
package struct Turns: TestTrait, SuiteTrait, TestScoping {
    private let places: Permits
    private let isOfArguments: Bool
    package var isRecursive: Bool { true }

    private init(_ count: Int, ofArguments: Bool) { (places, isOfArguments) = (Permits(count), ofArguments) }

    fileprivate static let ofTests = Turns(12, ofArguments: false)
    fileprivate static let ofArguments = Turns(64, ofArguments: true)

    package func scopeProvider(for test: Test, testCase: Test.Case?) -> Turns? {
        test.isSuite || (testCase != nil) != isOfArguments ? nil : self
    }

    @concurrent
    package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let place = try await places.take()
        defer { place.give() }
        try await function()
    }
}

extension Trait where Self == Turns {
    /// Twelve tests run at once, with all their arguments: for those that start programs or servers.
    package static var inTurn: Turns { .ofTests }
    /// Sixty-four arguments are tried at once.
    package static var argumentsInTurn: Turns { .ofArguments }
}
