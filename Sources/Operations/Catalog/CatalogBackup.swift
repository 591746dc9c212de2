internal import Catalog
internal import POSIX
package import Schema

/// Copies the catalog to a file.
package struct CatalogBackup: ChangingOperation {
    package static let name = "catalog backup"
    package static let summary = "Copy the catalog to a file, consistent also while the kit is in use."
    package static let details = """
        The copy is a catalog: put in the place of `catalog.sqlite` while nobody uses the home, it is used as it is. A copy of \
        the file made in another way is not complete while a command runs.
        Example: ipfs-kit catalog backup /mnt/usb/catalog-2026-11-25.sqlite
        """

    package var file = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "file",
            \.file,
            help: "The file to write; nothing may be there yet. - is standard output.",
            as: .path,
            required: true,
            positional: true
        ),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let catalog = try kit.catalog()
        return try await kitErrors {
            try await catalog.check()
            let pins = try await catalog.pinCount()
            guard file == "-" else {
                let place = try NewPlace(file, kit)
                guard !dryRun else { return Output(isDryRun: true, path: file, bytes: nil, pins: pins) }
                let bytes = try await Self.copy(catalog, place)
                return Output(isDryRun: false, path: file, bytes: bytes, pins: pins)
            }
            guard !dryRun else { return Output(isDryRun: true, path: nil, bytes: nil, pins: pins) }
            try call.checkTerminal(nil, "A catalog", help: Hint(CatalogBackup.self))
            let scratch = temporaryName(beside: kit.home.scratch + "/catalog")
            defer { try? removeFile(scratch) }
            try await catalog.copy(to: scratch)
            let copy = try await Input(scratch, call, for: .archive)
            let output = try await NewFile("-", call)
            var offset: UInt64 = 0
            while true {
                let bytes = try await copy.read(at: offset, 1 << 20)
                if bytes.isEmpty { return Output(isDryRun: false, path: nil, bytes: offset, pins: pins) }
                try await output.append([bytes[...]])
                offset += UInt64(bytes.count)
            }
        }
    }

    private static func copy(_ catalog: Catalog, _ place: NewPlace) async throws -> UInt64 {
        do {
            try await catalog.copy(to: place.temporary)
            return try await BlockingThreads.shared.run { () throws in
                let length = try fileInfo(place.temporary).length
                try place.appear()
                return length
            }
        } catch {
            place.discard()
            throw error
        }
    }

    /// The copy.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        /// nil for standard output, on which nothing else is said then.
        let path: String?
        let bytes: UInt64?
        let pins: Int

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("path", "The file that was written; null where it went to the output.", as: .path) { $0.path },
            OutputField("size_bytes", "Its length; null where nothing was written.", in: .bytes) { $0.bytes },
            OutputField("pin_count", "How many pins are in it.") { $0.pins },
        ]
        package var report: Report {
            let place = path ?? "standard output"
            guard let bytes else { return Report("Would copy the catalog, with \(pins) pins, to \(place).") }
            guard let path else { return Report() }
            return Report("Copied the catalog, with \(pins) pins, to \(path) (\(ByteCount(bytes))).")
        }
        package var isContent: Bool { path == nil && !isDryRun }
        package var quietLines: [String]? { path.map { [$0] } ?? [] }
    }
}
