internal import Catalog
internal import POSIX
package import Schema

/// Copies the catalog to a file.
package struct CatalogBackup: Operation {
    package static let name = "catalog backup"
    package static let summary = "Copy the catalog to a file, consistent also while the kit is in use."
    package static let details = """
        The copy is a catalog: put in the place of `catalog.sqlite` while nobody uses the home, it is used as it is. A copy of \
        the file made in another way is not complete while a command runs.
        Example: ipfs-kit catalog backup /mnt/usb/catalog-2026-11-25.sqlite
        """

    package var file = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("file", \.file, help: "The file to write; nothing may be there yet.", required: true, positional: true)
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let catalog = try kit.catalog()
        guard (try? fileInfo(file)) == nil else { throw KitError(.refused, "\(file) is there already.") }
        return try await kitErrors {
            try await catalog.check()
            try await catalog.copy(to: file)
            return Output(path: file, bytes: try fileInfo(file).length, pins: try await catalog.pinCount())
        }
    }

    /// The copy.
    package struct Output: OperationOutput {
        let path: String
        let bytes: UInt64
        let pins: Int

        package var json: JSON { ["path": .string(path), "bytes": .count(bytes), "pins": .count(pins)] }
        package var report: Report {
            Report("Copied the catalog, with \(pins) pins, to \(path) (\(ByteCount(bytes))).")
        }
        package var quietLines: [String]? { [path] }
    }
}
