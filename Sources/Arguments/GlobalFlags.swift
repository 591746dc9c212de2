package import Schema

/// The flags that every command takes, wherever they stand.
package struct GlobalFlags: Described {
    package var json = false
    package var home: String?
    package var quiet = false
    package var verbose = false
    package var noProgress = false
    package var help = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("json", \.json, help: "Print the result as JSON: one line for each item where items come one by one."),
        Field("home", \.home, help: "The folder of the kit home.", env: ["IPFS_KIT_HOME"]),
        Field("quiet", \.quiet, help: "Print only what matters (-q)."),
        Field("verbose", \.verbose, help: "Say more about what is being done (-v)."),
        Field("no_progress", \.noProgress, help: "Show no progress bar."),
        Field("help", \.help, help: "Explain the command (-h)."),
    ]
}
