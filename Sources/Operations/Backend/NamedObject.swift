internal import Catalog
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

/// An object that somebody named, on a backend that is open.
struct NamedObject: Sendable {
    let name: ObjectName
    let objects: any StorageService

    /// The object of a name.
    init(_ name: ObjectName, on open: OpenBackend) throws(KitError) {
        guard let objects = open.content.objects else {
            throw KitError(
                .refused,
                "\(open.name) has no room for objects: it keeps roots, and what else it has it names itself.",
                hint: Hint(BackendLs.self, ["name": open.name]),
                backend: open.name
            )
        }
        (self.name, self.objects) = (name, objects)
    }

    /// The name in a text; throws `usage` for what is none.
    static func name(_ text: String) throws(KitError) -> ObjectName {
        if let name = ObjectName(text) { return name }
        throw KitError(
            .usage,
            "“\(text)” cannot be the name of an object: it is of letters, digits, ., _ and -, in parts that / joins."
        )
    }

    /// The object of a name, or the one that has the CAR of a root, where a backend keeps such.
    init(_ text: String, on open: OpenBackend, in kit: Kit) async throws(KitError) {
        guard let root = try? parseCID(text) else {
            self = try NamedObject(try Self.name(text), on: open)
            return
        }
        let catalog = try kit.catalog()
        let known = try await kitErrors { [name = open.name] in
            try await catalog.mappings(of: [root]).first { $0.backend == name }?.location
        }
        let location: Location?
        do throws(StorageError) {
            location = if let known { known } else { try open.content.location(for: root) }
        } catch {
            throw KitError(error)
        }
        guard open.content.objects == nil || open.content is CARArchive, location.map(\.shards.isEmpty) ?? true,
            let name = location.flatMap({ ObjectName($0.path) })
        else {
            throw KitError(
                .refused,
                "What \(open.name) has of \(root) is not one object; `backend ls` shows the names of those that it is in.",
                hint: Hint(BackendLs.self, ["name": open.name, "search": "\(root)"]),
                backend: open.name,
                cid: root
            )
        }
        self = try NamedObject(name, on: open)
    }

    /// Throws `usage` for what no service calls a version.
    static func check(version: String?) throws(KitError) {
        guard let version, !KeptVersion.isID(version) else { return }
        throw KitError(.usage, "“\(version)” is no name of a version; `backend versions` shows them.")
    }
}

extension Field {
    /// The object that an operation is about.
    static func object(_ path: any WritableKeyPath<Root, String> & Sendable) -> Field {
        let help = "The name of an object as `backend ls` shows it, or the CID of a root whose CAR is one."
        return Field("object", path, help: help, required: true, positional: true)
    }

    /// The version of the object that is meant.
    static func keptVersion(_ path: any WritableKeyPath<Root, String?> & Sendable) -> Field {
        Field(
            "kept_version",
            path,
            help: "A version of it that is kept, as `backend versions` calls it; else the last."
        )
    }
}

/// Texts under keys, in the order of the keys.
struct Texts: Shown {
    let values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    static var shape: Shape { .map(.text) }
    var json: JSON { .object(values.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) }) }

    /// The same in a line.
    var line: String? {
        values.isEmpty ? nil : values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
    }
}

extension OutputField {
    /// What keeps an object from being removed.
    static func lock(_ read: @escaping @Sendable (Root) -> ObjectLock?) -> OutputField {
        .object(
            "lock",
            "What keeps it from being removed, as the backend says; null where it says nothing.",
            of: [
                OutputField<ObjectLock>("locked_by", "The backend's word for who may lift it; nobody for compliance.") {
                    $0.mode
                },
                OutputField<ObjectLock>("locked_until", "When it ends; null where nobody says.") { $0.until },
                OutputField<ObjectLock>("held", "Whether somebody holds it besides, without an end.") { $0.isHeld },
            ],
            read
        )
    }
}
