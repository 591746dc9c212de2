/// What a server announced.
package struct SFTPFeatures: Sendable {
    static let limits = "limits@openssh.com"
    static let replace = "posix-rename@openssh.com"
    static let sync = "fsync@openssh.com"
    static let space = "statvfs@openssh.com"

    private let extensions: Set<String>
    /// How many bytes one request may ask for or bring; every server takes so many.
    private(set) var maxRead = 32 << 10
    private(set) var maxWrite = 32 << 10

    /// More would make a packet longer than any server takes.
    private static let maxToRead = 255 << 10
    /// Servers hold a whole request before they write: two halves overlap.
    private static let maxToWrite = 128 << 10

    init(extensions: Set<String>) { self.extensions = extensions }

    /// Whether a file can take another's name in one step.
    package var canReplace: Bool { extensions.contains(Self.replace) }
    /// Whether it says how much room there is.
    package var tellsSpace: Bool { extensions.contains(Self.space) }
    /// Whether it says when bytes are on its disk.
    var canSync: Bool { extensions.contains(Self.sync) }
    var tellsLimits: Bool { extensions.contains(Self.limits) }

    /// Takes the reply about limits; numbers that make no sense change nothing.
    mutating func take(limits bytes: [UInt8]) {
        var reader = WireReader(bytes[...])
        let (packet, read, write) = (reader.long(), reader.long(), reader.long())
        // Of a packet, some bytes are no data.
        let room = packet == 0 ? .max : packet > 1024 ? packet - 1024 : 0
        func usable(_ limit: UInt64, _ usual: Int, _ most: Int) -> Int {
            let count = min(limit, room, UInt64(most))
            return count >= 1024 ? Int(count) : usual
        }
        (maxRead, maxWrite) = (usable(read, maxRead, Self.maxToRead), usable(write, maxWrite, Self.maxToWrite))
    }

    /// How many requests of so many bytes are in flight for one file: 4 MiB, in 16 to 64 of them.
    static func window(_ count: Int) -> Int { max(16, min(64, (4 << 20) / max(1, count))) }
}
