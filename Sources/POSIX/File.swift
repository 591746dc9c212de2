internal import CPOSIX
internal import Glibc
internal import Synchronization

/// An open file.
///
/// Reads and writes name their position, so one file may be used by several threads at once.
package final class File: Sendable {
    /// How a file is opened.
    package enum Mode: Sendable {
        case read
        /// Read, where it is a regular file; nothing else is waited for, and nothing else is read.
        case readFile
        /// The same, and no link that leads to one.
        case readOwnFile
        /// Read what may make one wait, such as a pipe; see `readNext`.
        case stream
        /// Nothing but to be there: a folder, which stays reachable by ``ownPath`` whatever takes its place.
        case folder
        /// Read and write; made when it is not there.
        case update
        /// Write; fails when it is there.
        case createNew
        /// Write at the end, wherever that is by then, and wait for nobody; made when it is not there.
        case append

        fileprivate var isOfFile: Bool { self == .readFile || self == .readOwnFile }
    }

    /// The path that the file was opened under.
    package let path: String
    private let descriptor: Int32
    /// Set by the first flush that failed: what it could not write counts as written to the system afterwards.
    private let hasLostData = Atomic(false)

    /// Opens a file; `permissions` apply to a file that is made.
    package init(_ path: some FileName, _ mode: Mode, permissions: UInt32 = 0o600) throws(FileError) {
        let flags =
            switch mode {
            case .read: O_RDONLY
            // A pipe would wait for its writer, and a terminal could become the one of this process.
            case .readFile: O_RDONLY | O_NONBLOCK | O_NOCTTY
            case .readOwnFile: O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW
            case .stream: O_RDONLY | O_NONBLOCK | O_NOCTTY
            case .folder: O_RDONLY | O_DIRECTORY
            case .update: O_RDWR | O_CREAT
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            case .append: O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY
            }
        if mode != .createNew, LockedFiles.contain(path) { throw FileError.ofTheHome(path.shown) }
        let opened = unsafe path.withSystemName { name in
            systemCall { unsafe open(name, flags | O_CLOEXEC, permissions) }
        }
        // What a socket answers, and a device that is not there.
        if mode.isOfFile, opened.number == ENXIO { throw FileError.notAFile(path.shown) }
        let descriptor = try opened.get("open", path.shown)
        // It stays open for ever: closing it would give back the locks of this process.
        if mode != .createNew, LockedFiles.contain(descriptor: descriptor) { throw FileError.ofTheHome(path.shown) }
        self.descriptor = descriptor
        self.path = path.shown
        guard mode.isOfFile else { return }
        switch try status().kind {
        case .file: break
        case .directory: throw FileError.folder(self.path)
        case .symbolicLink, .other: throw FileError.notAFile(self.path)
        }
    }

    deinit { close(descriptor) }

    /// A path that leads to this file in this process, as long as it is open (proc(5), `fd`).
    package var ownPath: String { "/proc/self/fd/\(descriptor)" }

    /// The length of the file, in bytes.
    package func length() throws(FileError) -> UInt64 {
        try status().length
    }

    /// The kind and the length of the open file.
    package func status() throws(FileError) -> FileInfo {
        var status = stat()
        _ = try systemCall { unsafe fstat(descriptor, &status) }.get("examine", path)
        return FileInfo(status)
    }

    /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
    package func read(at offset: UInt64, count: Int) throws(FileError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            unsafe (filled, failure) = fill(UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
        guard failure == 0 else { throw FileError("read", path, failure) }
        return bytes
    }

    /// Reads until the buffer is full or the file ends; gives how many bytes there are, and the error that ended it or
    /// 0.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> (filled: Int, failure: Int32) {
        var filled = 0
        while filled < buffer.count, let start = buffer.baseAddress {
            let got = systemCall {
                unsafe pread(descriptor, start + filled, buffer.count - filled, off_t(offset) + off_t(filled))
            }
            guard got.number == 0 else { return (filled, got.number) }
            if got.value == 0 { break }
            filled += got.value
        }
        return (filled, 0)
    }

    /// Reads up to `count` bytes from where the last such call stopped: for pipes and terminals.
    ///
    /// Throws `interrupted` soon after `isStopped` says so, where there is nothing to read.
    package func readNext(count: Int, unless isStopped: () -> Bool = { false }) throws(FileError) -> [UInt8] {
        try POSIX.readNext(descriptor, path, count, unless: isStopped)
    }

    /// Reads up to `count` numbers of eight bytes each, the lowest byte first, at `offset` bytes, in place of what is
    /// in `words`; fewer only at the end of the file.
    package func read(words: inout [UInt64], at offset: UInt64, count: Int) throws(FileError) {
        if words.count < count { words += [UInt64](repeating: 0, count: count - words.count) }
        if words.count > count { words.removeLast(words.count - count) }
        let (filled, failure) = unsafe words.withUnsafeMutableBytes { unsafe fill($0, at: offset) }
        guard failure == 0 else { throw FileError("read", path, failure) }
        words.removeLast(count - filled / 8)
        if UInt64(1).littleEndian != 1 { for index in words.indices { words[index] = words[index].byteSwapped } }
    }

    /// Writes numbers of eight bytes each, the lowest byte first, at `offset` bytes.
    package func write(words: [UInt64], at offset: UInt64) throws(FileError) {
        let words = UInt64(1).littleEndian == 1 ? words : words.map(\.byteSwapped)
        var done = 0
        while done < words.count * 8 {
            let wrote = unsafe words.withUnsafeBytes { buffer in
                unsafe put(UnsafeRawBufferPointer(rebasing: buffer[done...]), at: off_t(offset) + off_t(done))
            }
            done += try wrote.get("write", path)
        }
    }

    /// Writes all of `bytes` at `offset`.
    package func write(_ bytes: [UInt8], at offset: UInt64) throws(FileError) {
        try write(pieces: [bytes[...]], at: offset)
    }

    /// Writes bytes at the end of a file that was opened for that: in one call, unless only some of them have room.
    package func append(_ bytes: [UInt8]) throws(FileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let answer = unsafe rest.withUnsafeBytes { buffer in
                systemCall { unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count) }
            }
            let count = try answer.get("write", path)
            guard count > 0 else { throw FileError("write", path, ENOSPC) }
            rest = rest.dropFirst(count)
        }
    }

    /// Has what is appended to a pipe wait for whoever reads it.
    package func waitsForReaders() throws(FileError) {
        let flags = try systemCall { fcntl(descriptor, F_GETFL) }.get("examine", path)
        _ = try systemCall { fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }.get("change", path)
    }

    /// Writes all pieces one after another from `offset` on, in as few calls as the system allows.
    package func write(pieces: [ArraySlice<UInt8>], at offset: UInt64) throws(FileError) {
        var position = off_t(offset)
        var index = 0
        var done = 0
        while index < pieces.count {
            if done == pieces[index].count {
                index += 1
                done = 0
                continue
            }
            let wrote = try gather(pieces, from: index, skipping: done, at: position).get("write", path)
            position += off_t(wrote)
            var left = wrote
            while left > 0 {
                let step = min(left, pieces[index].count - done)
                done += step
                left -= step
                if done == pieces[index].count {
                    index += 1
                    done = 0
                }
            }
        }
    }

    /// One `pwrite` of what is left; small pieces are gathered, large ones go alone so that they are not copied.
    private func gather(
        _ pieces: [ArraySlice<UInt8>],
        from index: Int,
        skipping done: Int,
        at position: off_t
    ) -> SystemAnswer<Int> {
        let first = pieces[index]
        if first.count - done >= Self.large || index + 1 == pieces.count {
            return unsafe first.withUnsafeBytes { buffer in
                unsafe put(UnsafeRawBufferPointer(rebasing: buffer[done...]), at: position)
            }
        }
        var batch = Array(first.dropFirst(done))
        var next = index + 1
        while next < pieces.count, pieces[next].count < Self.large, batch.count < 1 << 20 {
            batch += pieces[next]
            next += 1
        }
        return unsafe batch.withUnsafeBytes { unsafe put($0, at: position) }
    }

    /// One `pwrite` of at least one byte; a device that takes none would be asked for ever.
    private func put(_ bytes: UnsafeRawBufferPointer, at position: off_t) -> SystemAnswer<Int> {
        let answer = systemCall { unsafe pwrite(descriptor, bytes.baseAddress, bytes.count, position) }
        return unsafe answer.value == 0 && !bytes.isEmpty ? SystemAnswer(value: 0, number: ENOSPC) : answer
    }

    /// From so many bytes on, a call costs less than a copy.
    private static let large = 1 << 15

    /// Waits until all data is on the disk, and the length with it; after a failure, it fails for good.
    ///
    /// The system reports what it could not write once, and takes it for written then: a second flush would succeed and
    /// prove nothing. Whoever wants the bytes to last writes them anew, to another file.
    package func syncData() throws(FileError) {
        guard !hasLostData.load(ordering: .acquiring) else { throw FileError("flush again", path, EIO) }
        let answer = systemCall { fdatasync(descriptor) }
        if answer.number != 0 { hasLostData.store(true, ordering: .releasing) }
        _ = try answer.get("flush", path)
    }

    /// Starts writing a range to the disk without waiting, so that a later `syncData` has less to do.
    package func startWriting(from offset: UInt64, count: UInt64) {
        _ = sync_file_range(descriptor, Int64(offset), Int64(count), ipfskit_sync_file_range_write)
    }

    /// Cuts the file, or extends it with zeros, to `length` bytes.
    package func truncate(to length: UInt64) throws(FileError) {
        _ = try systemCall { ftruncate(descriptor, off_t(length)) }.get("cut", path)
    }

    /// Asks for the advisory lock of this file (flock(2)); false where others have it.
    func setLock(_ operation: Int32) throws(FileError) -> Bool {
        let answer = systemCall { flock(descriptor, operation) }
        if answer.number == EWOULDBLOCK { return false }
        _ = try answer.get("lock", path)
        return true
    }

    /// Tells the kernel that the file will be read from front to back.
    package func expectSequentialReads() {
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }
}

/// Reads up to `count` bytes from a descriptor at its own position; none means the end.
///
/// Throws `interrupted` soon after `isStopped` says so, where there is nothing to read.
package func readNext(
    _ descriptor: Int32,
    _ name: String,
    _ count: Int,
    unless isStopped: () -> Bool = { false }
) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        guard let start = buffer.baseAddress else { return }
        while true {
            // Asked before it is read: a pipe that nobody has opened for writing yet would look as if it were at its
            // end.
            guard awaitInput(descriptor, unless: isStopped) else {
                failure = EINTR
                return
            }
            let got = systemCall { unsafe Glibc.read(descriptor, start, count) }
            if got.number == EAGAIN { continue }
            failure = got.number
            filled = max(0, got.value)
            return
        }
    }
    guard failure == 0 else { throw FileError("read", name, failure) }
    return bytes
}

/// Waits until a descriptor has something to read, or is at its end; false where `isStopped` says so before.
private func awaitInput(_ descriptor: Int32, unless isStopped: () -> Bool) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
        let ready = systemCall { unsafe poll(&waiting, 1, 100) }
        // What cannot be waited for is read at once.
        if ready.value != 0 { return true }
        if isStopped() { return false }
    }
}
