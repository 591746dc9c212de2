internal import POSIX
internal import Storage

/// Keeps the files of the kit home from being read as content.
///
/// SQLite's locks on the catalog are those of the whole process: they are all gone as soon as any descriptor of its
/// files is closed, and with them what was acknowledged. So whatever opens a path that somebody named, or one below it,
/// asks here first. The home and its files are known by what they are, not by their paths.
struct HomeBoundary: Sendable {
    /// What somebody wants with a file.
    enum Purpose: Sendable {
        /// To make content of it; nothing in the home is that.
        case content
        /// To look at an archive, such as a pack of the store or an index of a backend; the catalog is none.
        case archive
    }

    private let home: KitHome
    /// Nil where there is no home.
    private let folder: FileInfo.Identity?
    /// The files of the home that have other names too, as far as somebody had to know them.
    private let linked = Locked<Set<FileInfo.Identity>?>(nil)

    init(_ home: KitHome) {
        self.home = home
        folder = (try? fileInfo(home.path, follow: true))?.identity
    }

    /// Looks at what somebody named, without opening it; throws `refused` where that is of the home.
    func admit(_ path: some FileName, follow: Bool = true, for purpose: Purpose) throws(KitError) -> FileInfo {
        let info: FileInfo
        do throws(FileError) { info = try fileInfo(path, follow: follow) } catch { throw KitError(error) }
        let isOfHome =
            switch (info.kind, purpose) {
            case (.symbolicLink, _): false
            case (_, .archive): catalogFiles.contains(info.identity)
            case (_, .content): info.identity == folder || isLinked(info) || isBelow(path)
            }
        guard !isOfHome else {
            throw KitError(
                .refused,
                "\(path.shown) belongs to the kit home \(home.path), whose files are never taken for content."
            )
        }
        return info
    }

    /// Throws `refused` where a folder that somebody named for a new file is of the home: settings, packs and the index
    /// are believed there.
    func refuseWriting(_ path: String, in folder: String) throws(KitError) {
        guard isBelow(folder) else { return }
        throw KitError(
            .refused,
            "\(path) would be in the kit home \(home.path), where nothing but this program makes files."
        )
    }

    /// Throws `refused` where what somebody named to be appended to is of the home, or would be, whatever link or other
    /// name leads there; nothing is opened.
    func refuseAppending(to path: String) throws(KitError) {
        try refuseWriting(path, in: directoryName(absolutePath(path)))
        guard (try? fileInfo(path, follow: true)) == nil else {
            _ = try admit(path, for: .content)
            return
        }
        // What such a link would make may be in the home.
        guard (try? linkTarget(path)) == nil else { throw KitError(FileError.missing(path)) }
    }

    /// Says whether something that was found below what somebody named is of the home; `isFollowed` says that a
    /// symbolic link led to it.
    func holds(_ info: FileInfo, at path: [UInt8], isFollowed: Bool) -> Bool {
        info.identity == folder || isLinked(info) || isFollowed && isBelow(path)
    }

    /// The files that SQLite locks; some of them come and go.
    private var catalogFiles: Set<FileInfo.Identity> {
        Set(["", "-wal", "-shm", "-journal"].compactMap { (try? fileInfo(home.catalog + $0, follow: true))?.identity })
    }

    /// Whether a file has another name that is in the home.
    private func isLinked(_ info: FileInfo) -> Bool {
        guard info.hasOtherNames, info.kind == .file, folder != nil else { return false }
        if catalogFiles.contains(info.identity) { return true }
        let known = linked.change { linked in
            let found = linked ?? Self.linkedFiles(below: home.path)
            linked = found
            return found
        }
        return known.contains(info.identity)
    }

    private static func linkedFiles(below folder: String) -> Set<FileInfo.Identity> {
        var found: Set<FileInfo.Identity> = []
        var pending = [folder.systemBytes]
        while let folder = pending.popLast() {
            for name in (try? listDirectory(folder)) ?? [] {
                let path = folder + [0x2F] + name
                guard let info = try? fileInfo(path) else { continue }
                if info.kind == .directory { pending.append(path) }
                if info.kind == .file, info.hasOtherNames { found.insert(info.identity) }
            }
        }
        return found
    }

    /// Whether what a path leads to lies in the home.
    private func isBelow(_ path: some FileName) -> Bool { folder.map { leads(path, into: $0) } ?? false }
}

extension Kit {
    /// What keeps this home apart from content.
    var boundary: HomeBoundary { HomeBoundary(home) }
}
