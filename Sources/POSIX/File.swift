internal import CPOSIX
internal import Glibc

/// An open file.
///
/// Reads and writes name their position, so one file may be used by several threads at once.
package final class File: Sendable {
    /// How a file is opened.
    package enum Mode: Sendable {
        case read
        /// Read what may make one wait, such as a pipe; see `readNext`.
        case stream
        /// Read and write; made when it is not there.
        case update
        /// Write; fails when it is there.
        case createNew
    }

    /// The path that the file was opened under.
    package let path: String
    private let descriptor: Int32

    /// Opens a file; `permissions` apply to a file that is made.
    package init(_ path: some FileName, _ mode: Mode, permissions: UInt32 = 0o600) throws(FileError) {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .stream: O_RDONLY | O_NONBLOCK
            case .update: O_RDWR | O_CREAT
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        let descriptor = unsafe path.withSystemName { unsafe open($0, flags | O_CLOEXEC, permissions) }
        guard descriptor >= 0 else { throw FileError("open", path.shown) }
        self.path = path.shown
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// The length of the file, in bytes.
    package func length() throws(FileError) -> UInt64 {
        try status().length
    }

    /// The kind and the length of the open file.
    package func status() throws(FileError) -> FileInfo {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw FileError("examine", path) }
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

    /// Reads until the buffer is full or the file ends; gives how many bytes there are, and the error that ended it or 0.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> (filled: Int, failure: Int32) {
        var filled = 0
        while filled < buffer.count, let start = buffer.baseAddress {
            let got = unsafe pread(descriptor, start + filled, buffer.count - filled, off_t(offset) + off_t(filled))
            if got == 0 { break }
            if got > 0 { filled += got } else if errno != EINTR { return (filled, errno) }
        }
        return (filled, 0)
    }

    /// Reads up to `count` bytes from where the last such call stopped: for pipes and terminals.
    ///
    /// Throws `interrupted` soon after `isStopped` says so, where there is nothing to read.
    package func readNext(count: Int, unless isStopped: () -> Bool = { false }) throws(FileError) -> [UInt8] {
        try POSIX.readNext(descriptor, path, count, unless: isStopped)
    }

    /// Reads up to `count` numbers of eight bytes each, the lowest byte first, at `offset` bytes, in place of what is in
    /// `words`; fewer only at the end of the file.
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
                unsafe buffer.baseAddress.map {
                    unsafe pwrite(descriptor, $0 + done, buffer.count - done, off_t(offset) + off_t(done))
                } ?? 0
            }
            if wrote >= 0 { done += wrote } else if errno != EINTR { throw FileError("write", path) }
        }
    }

    /// Writes all of `bytes` at `offset`.
    package func write(_ bytes: [UInt8], at offset: UInt64) throws(FileError) {
        try write(pieces: [bytes[...]], at: offset)
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
            let wrote = gather(pieces, from: index, skipping: done, at: position)
            if wrote < 0 {
                if errno == EINTR { continue }
                throw FileError("write", path)
            }
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
    private func gather(_ pieces: [ArraySlice<UInt8>], from index: Int, skipping done: Int, at position: off_t) -> Int {
        let first = pieces[index]
        if first.count - done >= Self.large || index + 1 == pieces.count {
            return unsafe first.withUnsafeBytes { buffer in
                guard let start = buffer.baseAddress else { return 0 }
                return unsafe pwrite(descriptor, start + done, buffer.count - done, position)
            }
        }
        var batch = Array(first.dropFirst(done))
        var next = index + 1
        while next < pieces.count, pieces[next].count < Self.large, batch.count < 1 << 20 {
            batch += pieces[next]
            next += 1
        }
        return unsafe batch.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, position) }
    }

    /// From so many bytes on, a call costs less than a copy.
    private static let large = 1 << 15

    /// Waits until all data is on the disk, and the length with it.
    package func syncData() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw FileError("flush", path) }
    }

    /// Starts writing a range to the disk without waiting, so that a later `syncData` has less to do.
    package func startWriting(from offset: UInt64, count: UInt64) {
        _ = sync_file_range(descriptor, Int64(offset), Int64(count), ipfskit_sync_file_range_write)
    }

    /// Cuts the file, or extends it with zeros, to `length` bytes.
    package func truncate(to length: UInt64) throws(FileError) {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw FileError("cut", path) }
    }

    /// Takes the advisory lock of this file; it is given back when the file is closed.
    ///
    /// Returns false when another process or another `File` holds it and `wait` is false.
    package func lock(shared: Bool = false, wait: Bool) throws(FileError) -> Bool {
        while flock(descriptor, (shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB)) != 0 {
            if errno == EWOULDBLOCK { return false }
            if errno != EINTR { throw FileError("lock", path) }
        }
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
        while let start = buffer.baseAddress {
            // Asked before it is read: a pipe that nobody has opened for writing yet would look as if it were at its end.
            guard awaitInput(descriptor, unless: isStopped) else {
                failure = EINTR
                break
            }
            let got = unsafe Glibc.read(descriptor, start, count)
            if got < 0, errno == EINTR || errno == EAGAIN { continue }
            if got < 0 { failure = errno }
            filled = max(0, got)
            break
        }
    }
    guard failure == 0 else { throw FileError("read", name, failure) }
    return bytes
}

/// Waits until a descriptor has something to read, or is at its end; false where `isStopped` says so before.
private func awaitInput(_ descriptor: Int32, unless isStopped: () -> Bool) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
        let ready = unsafe poll(&waiting, 1, 100)
        // What cannot be waited for is read at once.
        if ready > 0 || ready < 0 && errno != EINTR { return true }
        if isStopped() { return false }
    }
}
