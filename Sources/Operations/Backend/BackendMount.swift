internal import Catalog
package import Schema
internal import Storage

/// Mounts a backend, for those who want to look at it.
package struct BackendMount: ChangingOperation {
    package static let name = "backend mount"
    package static let summary = "Mount a backend of a type that is mounted, and keep it so until it is unmounted."
    package static let details = "Without this, such a backend is mounted as long as a command uses it."

    package var name = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "The backend.", as: .backend, required: true, positional: true),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> MountOutput {
        let file = try call.kit.mountable(name)
        guard !dryRun else { return MountOutput(name: name, folder: nil, wasMounted: nil, isDryRun: true) }
        let folder = try await call.kit.mount(file)
        return MountOutput(name: name, folder: folder, wasMounted: nil, isDryRun: false)
    }
}

/// Ends the mount of a backend.
package struct BackendUnmount: ChangingOperation {
    package static let name = "backend unmount"
    package static let summary = "End the mount of a backend; it fails where somebody uses it."

    package var name = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "The backend.", as: .backend, required: true, positional: true),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> MountOutput {
        let file = try call.kit.mountable(name)
        guard !dryRun else { return MountOutput(name: name, folder: nil, wasMounted: true, isDryRun: true) }
        let wasMounted = try await call.kit.unmount(file)
        return MountOutput(name: name, folder: nil, wasMounted: wasMounted, isDryRun: false)
    }
}

/// What came of a mount.
package struct MountOutput: OperationOutput {
    let name: String
    /// Where it is mounted now.
    let folder: String?
    /// Whether there was a mount to be ended; nil where one was to be made.
    let wasMounted: Bool?
    let isDryRun: Bool

    package static let outputFields: [OutputField<Self>] = [
        .backend { $0.name },
        .dryRun { $0.isDryRun },
        OutputField("path", "The folder at which it is mounted; null where it is not.", as: .path) { $0.folder },
    ]
    package var report: Report {
        switch (wasMounted, folder) {
        case (nil, let folder?): Report("\(name) is mounted at \(folder)")
        case (nil, nil): Report("would mount \(name)")
        case (true?, _): Report("\(isDryRun ? "would unmount" : "unmounted") \(name)")
        case (false?, _): Report("\(name) was not mounted")
        }
    }
    package var quietLines: [String]? { folder.map { [$0] } ?? [] }
}

extension Kit {
    /// A backend that is mounted; throws `refused` for those of other types.
    fileprivate func mountable(_ name: String) throws(KitError) -> BackendFile {
        let file = try backend(name)
        _ = try catalog()
        guard file.row.isMounted else {
            throw KitError(
                .refused,
                "\(name) is of the type \(file.row.type), of which nothing is mounted.",
                hint: Hint(BackendTypes.self),
                backend: name
            )
        }
        return file
    }
}
