internal import POSIX
internal import Schema

/// Reads the log of a home from its oldest line on, while others append to it and put its files aside.
struct LogReader {
    /// A line of a log is no longer than this, in bytes; what is longer is none.
    private static let longestLine = 1 << 20
    private static let step = 1 << 20

    private let home: KitHome
    /// The files that are still to be read, the oldest first.
    private var files: [File] = []
    /// How far the first of them was read.
    private var offset: UInt64 = 0
    private var rest: [UInt8] = []
    private var isTooLong = false
    /// The file that was read to its end after there was a newer one.
    private var isLeft: String?
    /// How many lines were none of a log.
    private(set) var unreadable = 0
    /// Whether files were put aside, and have gone, before they were opened here.
    private(set) var hasGap = false

    init(_ home: KitHome) throws(KitError) {
        self.home = home
        if let folder = try? fileInfo(home.logs, follow: true), folder.kind != .directory {
            throw KitError(FileError.notALog(home.logs))
        }
        try openNewer()
    }

    /// The events that come next; nil where there are no more by now.
    mutating func next() throws(KitError) -> [Event]? {
        while true {
            if files.isEmpty { try openNewer() }
            guard let file = files.first else { return nil }
            let bytes: [UInt8]
            do throws(FileError) {
                // Somebody may have emptied it.
                if try file.length() < offset { (offset, rest) = (0, []) }
                bytes = try file.read(at: offset, count: Self.step)
            } catch {
                throw KitError(error)
            }
            offset += UInt64(bytes.count)
            if !bytes.isEmpty { return events(of: bytes) }
            try openNewer()
            // The last one may still grow.
            guard files.count > 1 else { return nil }
            // Whoever was about to write when it was put aside may have done so now.
            guard isLeft == file.path else {
                isLeft = file.path
                continue
            }
            let last = events(of: rest.isEmpty && !isTooLong ? [] : [0x0A])
            files.removeFirst()
            (offset, isLeft) = (0, nil)
            if !last.isEmpty { return last }
        }
    }

    /// Opens what came after the file that is read now.
    private mutating func openNewer() throws(KitError) {
        var newer: [File] = []
        // A file that is open keeps its number; that of one which is gone may be a new one's by now.
        var known = Set(files.compactMap { try? $0.status().identity })
        let old = known
        // Where none of those that are read is there any more, nobody knows what came between.
        var isNext = old.isEmpty
        for path in EventLog.files(of: home).reversed() {
            do throws(FileError) {
                let file = try File(path, .readFile)
                let identity = try file.status().identity
                if old.contains(identity) {
                    isNext = true
                    break
                }
                // Between two looks one file may have got the next name.
                if known.insert(identity).inserted { newer.insert(file, at: 0) }
            } catch {
                // It may be put aside just now.
                guard error.code != .notFound else { continue }
                throw KitError(error)
            }
        }
        files += newer
        if !isNext, !newer.isEmpty { hasGap = true }
    }

    private mutating func events(of bytes: [UInt8]) -> [Event] {
        var events: [Event] = []
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            let line = rest + bytes[start..<end]
            if !line.isEmpty || isTooLong {
                if !isTooLong, let json = try? JSON(reading: line), let event = Event(reading: json) {
                    events.append(event)
                } else {
                    unreadable += 1
                }
            }
            (rest, isTooLong) = ([], false)
            start = end + 1
        }
        rest += bytes[start...]
        if rest.count > Self.longestLine { (rest, isTooLong) = ([], true) }
        return events
    }
}
