import TestKit

/// A command on a world, with what must be so when it says that it is done.
struct Scenario: Sendable {
    let name: String
    /// Brings a copy of the common world to where the command begins.
    var prepare: @Sendable (inout World) async throws -> Void = { _ in }
    /// What is still to be done in each copy of that world.
    var arrive: @Sendable (inout World) async throws -> Void = { _ in }
    /// The words of the command.
    let command: @Sendable (World) -> [String]
    /// What is not as the command says when it ends with 0, or with one of `codesWhenDone` when it is given again.
    let missing: @Sendable (World, ProcessResult) async throws -> [String]
    /// How the command ends where nothing stands in its way, or where all of it was done before.
    var codesWhenDone: Set<Int> = [0]
    /// Whether there is a home whose pins must be there from the beginning.
    var hasHome = true
    /// Whether the content of all pins is readable from the beginning.
    var isReadable = true
}
