internal import SFTPClient
internal import Storage

extension SFTPPending {
    /// What the request gave; `what` says what it was for.
    func get(_ what: @autoclosure () -> String) async throws(StorageError) -> Value {
        do throws(SFTPError) {
            return try await value()
        } catch {
            throw SSHErrors.translate(what(), error)
        }
    }
}

extension SFTPFile {
    /// The bytes of a part, to be read once; `what` is a phrase such as “Reading cars/x”.
    func bytes(_ range: Range<UInt64>, of found: SFTPAttributes, _ what: String) -> any ByteStream {
        let download = SFTPDownload(self, range, of: found)
        return Pulled {
            { () async throws(StorageError) in
                do throws(SFTPError) {
                    return try await download.next()
                } catch {
                    throw SSHErrors.translate(what, error)
                }
            }
        }
    }
}
