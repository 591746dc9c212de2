internal import Storage

/// A walk over all files below the root of a service with folders, some folders at a time.
///
/// Names that cannot be those of objects are passed over with all that is below them.
struct FolderWalk: Sendable {
    /// Something in a folder.
    struct Entry: Sendable {
        /// The way to it from the root.
        let path: String
        var isFolder = false
        /// What is said of a file.
        var info: (@Sendable (ObjectName) -> ObjectInfo)?
    }

    /// Gives what is in a folder; nothing of one that went away meanwhile.
    typealias Lister = @Sendable (_ folder: String) async throws(StorageError) -> [Entry]

    private typealias Listed = Result<[Entry], StorageError>

    private let prefix: String
    /// How many folders are listed at once.
    private let lanes: Int
    /// Folders still to be visited, the next one last.
    private var folders: [String]
    /// What was found and not given yet.
    private var found: [ObjectInfo] = []

    private static let page = 1000

    init(prefix: String, lanes: Int = 1) {
        (self.prefix, self.lanes) = (prefix, lanes)
        folders = [FolderPath.folder(of: prefix)]
    }

    /// The next files whose names begin with the prefix; nil when all were seen.
    ///
    /// Where each folder costs a request, a page ends with the first that has some: what fails is not asked for again.
    mutating func nextPage(_ list: @escaping Lister) async throws(StorageError) -> [ObjectInfo]? {
        while found.count < (lanes == 1 ? 1 : Self.page), !folders.isEmpty {
            let batch = Array(folders.suffix(lanes))
            let listed = await Self.list(batch, list)
            folders.removeLast(batch.count)
            for entries in listed { for entry in try entries.get() { visit(entry) } }
        }
        let page = Array(found.prefix(Self.page))
        found.removeFirst(page.count)
        return page.isEmpty ? nil : page
    }

    private static func list(_ folders: [String], _ list: @escaping Lister) async -> [Listed] {
        await withTaskGroup(of: Listed.self) { group in
            for folder in folders {
                group.addTask {
                    do throws(StorageError) {
                        return .success(try await list(folder))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    private mutating func visit(_ entry: Entry) {
        guard let name = ObjectName(entry.path) else { return }
        if entry.isFolder {
            let inner = entry.path + "/"
            if inner.hasPrefix(prefix) || prefix.hasPrefix(inner) { folders.append(entry.path) }
        } else if entry.path.hasPrefix(prefix), let info = entry.info {
            found.append(info(name))
        }
    }
}

/// The folders through which a walk came to each folder, by what is the same for one folder under all its names: some
/// servers go through links, which may lead back.
struct FolderWays: Sendable {
    private let ways = Locked<[String: Set<String>]>([:])

    func way(to folder: String) -> Set<String>? { ways.read { $0[folder] } }
    func learn(_ folder: String, _ way: Set<String>) { ways.change { $0[folder] = way } }
}
