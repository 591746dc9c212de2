/// Whether it is the process of a number that listens on a port of 127.0.0.1; nil where nobody does (proc(5),
/// `net/tcp`).
///
/// A port is anybody's who takes it first.
package func localListener(on port: UInt16, is process: Int32) -> Bool? {
    let text = (try? readSystemFile("/proc/net/tcp")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let digits = String(port, radix: 16, uppercase: true)
    let address = "0100007F:" + String(repeating: "0", count: 4 - digits.count) + digits
    for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        // The state of a socket that listens, and the number of its file.
        guard words.count > 9, words[1] == address, words[3] == "0A" else { continue }
        let name = "socket:[\(words[9])]"
        let files = (try? listDirectory("/proc/\(process)/fd")) ?? []
        return files.contains { file in
            let target = try? linkTarget("/proc/\(process)/fd/\(String(decoding: file, as: UTF8.self))")
            return target.map { String(decoding: $0, as: UTF8.self) } == name
        }
    }
    return nil
}
