internal import Catalog
internal import Multiformats
internal import Policies
internal import POSIX
package import Replication
internal import Schema
internal import Services
package import Storage

extension Kit {
    /// The names of all backends that have a file, in order.
    package func backendNames() throws(KitError) -> [String] {
        do throws(FileError) {
            return try listDirectory(home.backendFiles).compactMap { name in
                let text = String(decoding: name, as: UTF8.self)
                guard text.hasSuffix(".yaml"), text.first != "." else { return nil }
                return String(text.dropLast(5))
            }
        } catch {
            guard error.code != .notFound || home.exists else {
                throw KitError(.other, "There is no kit home at \(home.path).", hint: "ipfs-kit init")
            }
            throw KitError(error)
        }
    }

    /// The backend of a name; `noSuchBackend` names the nearest that exists.
    package func backend(_ name: String) throws(KitError) -> BackendFile {
        guard BackendFile.isName(name), fileExists(home.backendFile(name)) else {
            let names = try backendNames()
            let known = names.isEmpty ? "there are none yet" : "known: \(names.joined(separator: ", "))"
            let near = nearest(to: name, among: names).map { "did you mean “\($0)”?" } ?? known
            throw KitError(
                .noSuchBackend,
                "There is no backend “\(name)”; \(near)\(near.hasSuffix("?") ? "" : ".")",
                hint: names.isEmpty ? "ipfs-kit backend create \(name) TYPE" : "ipfs-kit backend list",
                backend: name
            )
        }
        return try BackendFile.read(name, path: home.backendFile(name))
    }

    /// The backends of the given names, or all; every one of them known to the catalog afterwards.
    package func backends(_ names: [String] = []) async throws(KitError) -> [BackendFile] {
        var files: [BackendFile] = []
        for name in names.isEmpty ? try backendNames() : names { files.append(try backend(name)) }
        try await registerBackends()
        return files
    }

    /// Makes every backend that has a file known to the catalog.
    func registerBackends() async throws(KitError) {
        let catalog = try catalog()
        let names = try backendNames().filter(BackendFile.isName)
        do throws(CatalogError) {
            try await catalog.register(names)
        } catch {
            throw KitError(error)
        }
    }

    /// Opens a backend, whose changes pass `gate`; nothing is sent before it is used.
    package func open(_ file: BackendFile, gate: any ChangeGate) async throws(KitError) -> OpenBackend {
        let values = try file.values(environment: session.environment)
        let operational: OperationalSettings
        let policies: BackendPolicies
        do throws(SchemaError) {
            operational = try OperationalSettings(values: values.operational)
            policies = try BackendPolicies(values: values.policies)
        } catch {
            throw file.problem(0, error.message)
        }
        let context = ServiceContext(
            backend: file.name,
            type: file.type,
            operational: operational,
            timing: session.timing,
            environment: session.environment,
            gate: gate
        )
        let meter = Meter()
        do throws(StorageError) {
            return OpenBackend(
                name: file.name,
                replica: try await file.row.open(values.type, in: context, meter: meter),
                meter: meter,
                quota: policies.storageQuotaBytes,
                lanes: operational.maxConnections
            )
        } catch {
            throw KitError(error.on(file.name))
        }
    }

    /// Writes the index files of backends anew; a failure is a warning, for the catalog has everything.
    func writeIndexes(_ names: [String]) async throws(KitError) -> [String] {
        let catalog = try catalog()
        var warnings: [String] = []
        for name in names {
            do throws(ReplicationError) {
                try await IndexFiles(backends: home.backends, backend: name).write(from: catalog)
            } catch {
                warnings.append("The index files of \(name) could not be written; the catalog is right. \(error)")
            }
        }
        return warnings
    }
}
