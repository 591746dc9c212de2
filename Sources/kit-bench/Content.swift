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
        return try (0..<count).map { index in
            let folder = top.appending(path: "\(index / perFolder)")
            if index % perFolder == 0 {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
            let file = folder.appending(path: "\(index).bin")
            try randomBytes(length).write(to: file)
            return file
        }
    }

    /// Removes what a row has made, for memory is short.
    func remove(_ places: URL...) {
        for place in places { try? FileManager.default.removeItem(at: place) }
    }

    private func randomBytes(_ count: Int) -> Data {
        var source = SystemRandomNumberGenerator()
        var data = Data(capacity: count)
        while data.count < count {
            var word = source.next()
            for _ in 0..<8 {
                data.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        return data.prefix(count)
    }
}
