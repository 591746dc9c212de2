internal import Foundation

extension Bench {
    /// A file of random bytes in memory.
    func randomFile(_ name: String, length: Int) throws -> URL {
        let file = memory.appending(path: name)
        _ = try run(["openssl", "rand", "-out", file.path, "\(length)"])
        return file
    }

    /// A folder in memory with files of random bytes, `perFolder` in each of its folders.
    func randomFiles(_ name: String, count: Int, length: Int, perFolder: Int) throws -> [URL] {
        let top = memory.appending(path: name)
        let random = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
        defer { try? random.close() }
        return try (0..<count).map { index in
            let folder = top.appending(path: "\(index / perFolder)")
            if index % perFolder == 0 {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
            let file = folder.appending(path: "\(index).bin")
            try (random.read(upToCount: length) ?? Data()).write(to: file)
            return file
        }
    }

    /// Removes what a row has made, for memory is short.
    func remove(_ places: URL...) {
        for place in places { try? FileManager.default.removeItem(at: place) }
    }
}
