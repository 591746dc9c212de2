internal import Foundation
internal import Samples

/// Directory trees on the disk.
package enum Trees {
    /// Makes a tree with everything that a tree can hold.
    package static func make(at path: String) throws {
        let files = FileManager.default
        for folder in ["a/b/c", "empty", "ünï/日本"] {
            try files.createDirectory(atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
        }
        let contents: [(String, [UInt8])] = [
            ("a/b/c/deep.txt", Array("deep\n".utf8)), ("zero", []), ("big.bin", sampleBytes(3_000_000)),
            ("chunk.bin", sampleBytes(1 << 20, seed: 2)), ("ünï/日本/名前 with spaces.txt", Array("unicode".utf8)),
            ("a/quote'\"\\.txt", [0, 255, 10, 13]), ("same as deep", Array("deep\n".utf8)),
        ]
        for (name, bytes) in contents { try Data(bytes).write(to: URL(filePath: "\(path)/\(name)")) }
        for (name, target) in [("link", "a/b/c/deep.txt"), ("a/broken", "../nowhere"), ("to-folder", "ünï/日本")] {
            try files.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
        }
    }

    /// What is at each path below a folder: a hash of the bytes, the target of a link, or that it is a folder.
    package static func contents(of root: String) throws -> [String: String] {
        var found: [String: String] = [:]
        for (path, kind) in try paths(in: root) {
            let whole = "\(root)/\(path)"
            switch kind {
            case .typeSymbolicLink:
                found[path] = "link to " + (try FileManager.default.destinationOfSymbolicLink(atPath: whole))
            case .typeDirectory: found[path] = "folder"
            default: found[path] = "file " + (try Data(contentsOf: URL(filePath: whole)).base64EncodedString())
            }
        }
        return found
    }

    /// What is below a folder; what goes away meanwhile is passed over.
    private static func paths(in root: String) throws -> [String: FileAttributeType] {
        let files = FileManager.default
        var found: [String: FileAttributeType] = [:]
        var pending = try files.contentsOfDirectory(atPath: root)
        while let path = pending.popLast() {
            let whole = "\(root)/\(path)"
            guard let kind = try? files.attributesOfItem(atPath: whole)[.type] as? FileAttributeType else { continue }
            found[path] = kind
            guard kind == .typeDirectory, let names = try? files.contentsOfDirectory(atPath: whole) else { continue }
            pending += names.map { "\(path)/\($0)" }
        }
        return found
    }

    /// The sum of the lengths of the files below a folder.
    package static func size(of root: String) throws -> Int {
        try files(in: root).reduce(0) { sum, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: root + "/" + name)
            return sum + (attributes[.size] as? Int ?? 0)
        }
    }

    /// The names of all files below a folder, those that begin with a dot too.
    package static func files(in root: String) throws -> [String] {
        try paths(in: root).filter { ![.typeDirectory, .typeSymbolicLink].contains($0.value) }.keys.sorted()
    }
}

/// The bytes of a file.
package func bytes(at path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

/// Writes a file.
package func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }
