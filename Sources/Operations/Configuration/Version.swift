internal import Catalog
package import Schema

/// Says which version of the program this is.
package struct Version: Operation {
    package static let name = "version"
    package static let summary =
        "Say which version of the program this is, and of the libraries that decide how safe data is."
    package static let fields: [Field<Self>] = []

    package init() {}

    package func run(in call: Call) async throws(KitError) -> Output { Output() }

    /// The version.
    package struct Output: OperationOutput {
        package static let outputFields: [OutputField<Self>] = [
            OutputField("name", "The name of the program.") { _ in "ipfs-kit" },
            OutputField("version", "Its version.") { _ in Kit.version },
            OutputField("sqlite", "The version of SQLite that it uses.") { _ in Catalog.libraryVersion },
        ]
        package var report: Report {
            Report([.line("ipfs-kit \(Kit.version)"), .line("SQLite \(Catalog.libraryVersion)")])
        }
        package var quietLines: [String]? { [Kit.version] }
    }
}
