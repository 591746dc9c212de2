internal import POSIX
internal import SFTPClient
internal import Storage

/// Gives a file that was written the name of its object, in place of what has that name.
struct SFTPReplacement: Sendable {
    let files: SFTPFiles
    let name: ObjectName
    let temporary: String
    let path: String

    func run() async throws(StorageError) {
        let isAtomic = files.session.features.canReplace
        let refusal = try await refusal(
            of: isAtomic ? .replace(path, with: temporary) : .rename(temporary, to: path),
            evenIfStopped: !isAtomic
        )
        guard let refusal else { return }
        let isTaken = [.refused, .exists].contains(refusal.code)
        let found = isTaken ? try? await files.session.send(.lstat(path)).value() : nil
        if found?.kind == .directory { throw StorageError(.exists, "A folder has the name \(name) there.") }
        guard !isAtomic, found != nil else { throw SSHErrors.translate("Naming \(name)", refusal) }
        try await swap()
    }

    /// Moves the old file aside, gives the new one its name, and removes the old one.
    ///
    /// For a moment nothing has the name. The old file is never removed before the new one has it; where that fails, it
    /// is given its name back.
    private func swap() async throws(StorageError) {
        let aside = temporaryName(beside: path)
        if let refusal = try await refusal(of: .rename(path, to: aside)), refusal.code != .noSuchFile {
            throw SSHErrors.translate("Moving the old file of \(name)", refusal)
        }
        if let refusal = try await refusal(of: .rename(temporary, to: path)) {
            let back = try await self.refusal(of: .rename(aside, to: path))
            let error = SSHErrors.translate("Naming \(name)", refusal)
            throw back == nil ? error : error.ofUnknownOutcome
        }
        files.session.send(.remove(aside))
    }

    /// Why the server did not make a change; nil where it did, and an error of unknown outcome where nobody knows.
    ///
    /// One of several is waited for even where the task is stopped: half of a replacement is none.
    private func refusal(
        of request: SFTPRequest<Void>,
        evenIfStopped: Bool = true
    ) async throws(StorageError) -> SFTPError? {
        let made = await files.session.send(request).result(evenIfStopped: evenIfStopped)
        guard case .failure(let error) = made else { return nil }
        guard error.isRefusal else { throw SSHErrors.translate("Naming \(name)", error).ofUnknownOutcome }
        return error
    }
}
