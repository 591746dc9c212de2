package import Foundation

/// The folder of the package: the nearest above this file that has a manifest.
package let packageRoot: URL = {
    var folder = URL(filePath: #filePath).deletingLastPathComponent()
    while folder.path != "/" {
        if FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path) { return folder }
        folder.deleteLastPathComponent()
    }
    return URL(filePath: FileManager.default.currentDirectoryPath)
}()

/// The folder of fixtures: `IPFS_KIT_FIXTURES`, or `shared/fixtures` beside the package.
package let fixturesFolder: URL = {
    if let path = ProcessInfo.processInfo.environment["IPFS_KIT_FIXTURES"] { return URL(filePath: path) }
    return packageRoot.deletingLastPathComponent().appending(path: "shared/fixtures")
}()

/// The bytes of a fixture, by its path below the folder of fixtures.
package func fixture(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: fixturesFolder.appending(path: path)))
}
