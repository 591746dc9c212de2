import Foundation

/// What the environment says about how much is done, and where chance begins.
enum Options {
    /// Where chance begins; `IPFS_KIT_SEED` repeats a run.
    static let seed = number("IPFS_KIT_SEED").map(UInt64.init) ?? 20_261_121
    /// How many runs with failing calls there are; `all` is every position.
    static let faults = text("IPFS_KIT_FAULTS") == "all" ? Int.max : number("IPFS_KIT_FAULTS") ?? 450
    /// How many runs end at a call, by a kill or a power cut.
    static let ends = text("IPFS_KIT_FAULTS") == "all" ? Int.max : number("IPFS_KIT_ENDS") ?? 150
    /// One run with a failing call, as an alarm prints it, or the name of a command alone.
    static let fault = text("IPFS_KIT_FAULT")
    /// How often processes are killed at moments that chance chooses.
    static let kills = number("IPFS_KIT_KILLS") ?? 60
    /// How many homes are damaged.
    static let damages = number("IPFS_KIT_DAMAGES") ?? 150
    /// One damage, as an alarm prints it.
    static let damage = text("IPFS_KIT_DAMAGE")
    /// How many seconds eight processes write to one catalog.
    static let stress = number("IPFS_KIT_STRESS") ?? 10

    /// The one way in which services answer that is tried with secrets.
    static let answer = text("IPFS_KIT_ANSWER")

    private static func text(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
    private static func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
}
