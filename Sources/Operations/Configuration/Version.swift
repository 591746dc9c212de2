package import Schema

/// Says which version of the program this is.
package struct Version: Operation {
    package static let name = "version"
    package static let summary = "Say which version of the program this is."
    package static let fields: [Field<Self>] = []

    package init() {}

    package func run(in kit: Kit) async throws(KitError) -> Output { Output() }

    /// The version.
    package struct Output: OperationOutput {
        package var json: JSON { ["name": "ipfs-kit", "version": .string(Kit.version)] }
        package var report: Report { Report("ipfs-kit \(Kit.version)") }
    }
}
