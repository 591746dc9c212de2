package import Schema

/// The flags that every command takes, wherever they stand.
package struct GlobalFlags: Described {
    package var json = false
    package var home: String?
    package var quiet = false
    package var verbose = false
    package var progress = true
    package var logFile: String?
    package var plan = false
    package var help = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("json", \.json, help: "Print the result as JSON: one line for each item where items come one by one."),
        Field("home", \.home, help: "The folder of the kit home.", env: ["IPFS_KIT_HOME"]),
        Field("quiet", \.quiet, help: "Print only what matters (-q).", aliases: ["Q", "quieter"]),
        Field("verbose", \.verbose, help: "Say what happens while it happens (-v)."),
        Field("progress", \.progress, help: "Show how far long work has come, on a terminal (-p).", aliases: ["p"]),
        Field("log_file", \.logFile, help: "Append what happens to this file too, as lines of JSON.", as: .path),
        Field("plan", \.plan, help: "Change nothing, and keep what would be done as a plan, for `plan apply`."),
        Field("help", \.help, help: "Explain the command (-h)."),
    ]

    /// What each flag is where nothing is said.
    package static var defaults: [String: FieldValue] {
        let standard = GlobalFlags()
        return Dictionary(
            uniqueKeysWithValues: fieldInfo.compactMap { field in
                standard.value(of: field.name).map { (field.name, $0) }
            }
        )
    }
}
