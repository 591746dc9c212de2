internal import FTPClient
internal import Schema
internal import Storage

extension FTPFiles {
    /// What is shorter is read before any of it is given.
    private static let few: UInt64 = 1 << 20
    /// How old a file has to be before its time tells it from what replaces it: as old as clocks and zones are wrong.
    private static let settled: Int64 = 86_400_000

    /// Opens an object, or a part of it.
    func open(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        _ version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let what = "Reading \(name)"
        let entry = try await file(name, what, withTime: true)
        guard let length = entry.length else {
            throw StorageError(.unexpected, "The server does not say how long \(name) is.")
        }
        let found = self.version(of: entry, length)
        guard version == nil || version == found else { throw StorageError.changed(name) }
        let end = min(range?.upperBound ?? length, length)
        let part = min(range?.lowerBound ?? 0, end)..<end
        guard !part.isEmpty else { return OpenObject(Body([]).open(), length: length, version: found) }
        if version == nil, part == 0..<length, length <= Self.few {
            return try await whole(name, length, found, what)
        }
        let bytes: FTPPart
        do throws(FTPError) {
            bytes = try await connection.read(path(name.text), part, isToEnd: end == length)
        } catch {
            throw await refused(error, name, what)
        }
        let stream = streamed(bytes, what)
        guard part.length <= Self.few else { return OpenObject(stream, length: length, version: found) }
        let whole = try await collect(stream, limit: Int(Self.few))
        return OpenObject(Body(whole).open(), length: length, version: found)
    }

    /// Opens a short object: where another took its place after it was looked at, it is that one.
    private func whole(
        _ name: ObjectName,
        _ length: UInt64,
        _ version: ObjectVersion?,
        _ what: String
    ) async throws(StorageError) -> OpenObject {
        let bytes: [UInt8]
        do throws(FTPError) {
            bytes = try await connection.readAll(path(name.text), limit: Self.few)
        } catch {
            throw await refused(error, name, what)
        }
        let isSame = bytes.count == length
        // As many as came have to be there: a server that broke off may praise what it gave.
        if !isSame, try await file(name, what).length != UInt64(bytes.count) {
            let reason = "the server gave \(bytes.count) bytes, and has another number of them."
            throw StorageError(.unavailable, "\(what) failed: \(reason)", retry: .later).ofBrokenPromise
        }
        return OpenObject(Body(bytes).open(), length: UInt64(bytes.count), version: isSame ? version : nil)
    }

    /// What tells the file from all that had the name, or will; nil where nothing does for sure.
    ///
    /// Times are whole seconds, and which of them it is there nobody says. What this program replaces where times can
    /// be set, it gives a later one; elsewhere only what is old has a time of its own.
    private func version(of entry: FTPEntry, _ length: UInt64) -> ObjectVersion? {
        guard let told = entry.modified else { return nil }
        if let unique = entry.unique, connection.features.setsTimes {
            return ObjectVersion("\(length)-\(told.text)-\(unique)")
        }
        guard place.policy.timing.now() - told.milliseconds >= Self.settled else { return nil }
        return ObjectVersion("\(length)-\(told.text)")
    }

    /// The bytes of a part, to be read once; the connection is free as soon as all came, or the stream is dropped.
    private func streamed(_ part: FTPPart, _ what: String) -> any ByteStream {
        let held = Locked<(files: FTPFiles, part: FTPPart)?>((self, part))
        return Pulled {
            { () async throws(StorageError) in
                guard let part = held.read({ $0?.part }) else { return nil }
                do throws(FTPError) {
                    let bytes = try await part.next()
                    if bytes == nil { held.change { $0 = nil } }
                    return bytes
                } catch {
                    held.change { $0 = nil }
                    throw FTPErrors.translate(what, error)
                }
            }
        }
    }

    /// The error of a file that is not given: that nothing has the name, a list says.
    private func refused(_ error: FTPError, _ name: ObjectName, _ what: String) async -> StorageError {
        guard error.isRefusal else { return FTPErrors.translate(what, error) }
        do throws(StorageError) {
            _ = try await file(name, what)
        } catch {
            return error
        }
        return FTPErrors.translate(what, error).ofWithholding
    }
}
