internal import POSIX

/// The folders and files of a kit home.
package struct KitHome: Sendable, Hashable {
    package let path: String

    /// The home at `path`, or where `IPFS_KIT_HOME` says, or `~/.ipfs_kit`.
    package init(_ path: String?, environment: (String) -> String?) {
        self.path = absolutePath(
            path ?? environment("IPFS_KIT_HOME") ?? (environment("HOME") ?? "/") + "/.ipfs_kit"
        )
    }

    package var catalog: String { path + "/catalog.sqlite" }
    package var store: String { path + "/store" }
    package var mainConfiguration: String { path + "/config/main.yaml" }
    package var backendFiles: String { path + "/backend_configs" }
    package var backends: String { path + "/backends" }
    package var scratch: String { path + "/cache" }

    /// The file of a backend.
    package func backendFile(_ name: String) -> String { "\(backendFiles)/\(name).yaml" }

    /// Says whether `init` has been run here.
    package var exists: Bool { fileExists(catalog) }

    /// Makes what is missing of the folders.
    package func make() throws(KitError) {
        do throws(FileError) {
            for folder in ["", "/config", "/backend_configs", "/backends", "/store", "/metadata", "/cache", "/logs"] {
                try makeDirectory(path + folder, permissions: 0o700)
            }
            if !fileExists(mainConfiguration) {
                try replaceFile(mainConfiguration, with: Array("version: '1'\n".utf8))
            }
        } catch {
            throw KitError(error)
        }
    }
}
