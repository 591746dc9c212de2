internal import POSIX
internal import Storage

/// Puts short objects into a directory together: they are written one after another, flushed at the same time, for a
/// disk makes one commit of many flushes, and then get their names, which one flush of the folder makes last.
///
/// Flushing the whole file system at once would wait for what other programs write: beside compilers at work 10,000
/// objects took four times as long so.
struct SmallFiles: Sendable {
    /// An object that is to be put.
    struct Item: Sendable {
        let name: ObjectName
        let bytes: [UInt8]
        let admission: Admission
    }

    /// What came of an object so far.
    private enum Step: Sendable {
        /// It is on the disk under a temporary name.
        case written(File, String)
        case done(Result<PutReceipt, StorageError>)
    }

    /// So many are put together, each of so many bytes at most.
    static let (most, longest): (Int, UInt64) = (256, 64 << 10)

    let place: DirectoryPlace

    /// Puts objects, and answers for each.
    func put(_ items: [Item]) async -> [Result<PutReceipt, StorageError>] {
        var steps = await place.threads.run { publish(items, written(items)) }
        // Who was admitted too long ago when the disk was ready is asked about again.
        while case let late = steps.indices.filter({ isWritten(steps[$0]) }), !late.isEmpty {
            for index in late {
                do throws(StorageError) {
                    try StorageError.checkCancellation()
                    try await items[index].admission.renew()
                } catch {
                    steps[index] = .done(.failure(await discard(steps[index], after: error)))
                }
            }
            let waiting = steps
            steps = await place.threads.run { publish(items, waiting) }
        }
        return steps.map { step in
            if case .done(let answer) = step { return answer }
            return .failure(StorageError(.unexpected, "An object was written and not given its name."))
        }
    }

    private func isWritten(_ step: Step) -> Bool { if case .written = step { true } else { false } }

    /// Writes all under temporary names, and waits until they are on the disk.
    private func written(_ items: [Item]) -> [Step] {
        var room: UInt64 = 0
        var ways = Ways(root: place.root)
        var steps = items.map { item -> Step in
            do throws(StorageError) {
                let step = try write(item, after: room, &ways)
                room += UInt64(item.bytes.count)
                return step
            } catch {
                return .done(.failure(error))
            }
        }
        let files = steps.map { step in if case .written(let file, _) = step { file } else { File?.none } }
        let failures = Locked<[Int: FileError]>([:])
        inParallel(files.count, on: .flushing) { index in
            do throws(FileError) {
                try files[index]?.syncData()
            } catch {
                failures.change { $0[index] = error }
            }
        }
        for (index, error) in failures.read({ $0 }) {
            guard case .written(_, let temporary) = steps[index] else { continue }
            steps[index] = .done(.failure(discard(temporary, after: translate(error, items[index].name.text))))
        }
        return steps
    }

    /// The ways to the names of a group, each looked at once while the group is written, or gets its names.
    private struct Ways {
        let root: RootDirectory
        private var good: Set<String> = []

        init(root: RootDirectory) { self.root = root }

        mutating func check(_ name: ObjectName) throws(StorageError) {
            let folder = directoryName(name.text)
            guard !good.contains(folder) else { return }
            try root.check(wayTo: name.text)
            good.insert(folder)
        }
    }

    private func write(_ item: Item, after others: UInt64, _ ways: inout Ways) throws(StorageError) -> Step {
        try ways.check(item.name)
        try place.checkRoom(for: UInt64(item.bytes.count), item.name, besides: others)
        let path = place.path(item.name)
        let temporary = temporaryName(beside: path)
        let file: File
        do throws(FileError) {
            file = try place.newFile(temporary)
        } catch {
            throw translate(error, item.name.text)
        }
        do throws(FileError) {
            try file.write(item.bytes, at: 0)
            return .written(file, temporary)
        } catch {
            throw discard(temporary, after: translate(error, item.name.text))
        }
    }

    /// Gives those that are on the disk their names, as long as what was admitted is fresh, and makes these last.
    private func publish(_ items: [Item], _ steps: [Step]) -> [Step] {
        var steps = steps
        var named: [String: [Int]] = [:]
        var ways = Ways(root: place.root)
        for index in steps.indices {
            guard case .written(_, let temporary) = steps[index], items[index].admission.isFresh else { continue }
            let path = place.path(items[index].name)
            do throws(StorageError) {
                try ways.check(items[index].name)
            } catch {
                steps[index] = .done(.failure(discard(temporary, after: error)))
                continue
            }
            switch POSIX.publish(temporary, as: path, isLasting: false) {
            case .published:
                steps[index] = .done(.success(PutReceipt(proof: nil)))
                named[directoryName(path), default: []].append(index)
            case .notLasting(let error):
                steps[index] = .done(.failure(notLasting(error, "\(items[index].name) was stored")))
            case .notPublished(let error):
                let error = translate(error, items[index].name.text)
                steps[index] = .done(.failure(discard(temporary, after: error)))
            }
        }
        for (folder, indices) in named {
            do throws(FileError) {
                try syncDirectory(folder)
            } catch {
                for index in indices {
                    steps[index] = .done(.failure(notLasting(error, "\(items[index].name) was stored")))
                }
            }
        }
        return steps
    }

    private func discard(_ step: Step, after error: StorageError) async -> StorageError {
        guard case .written(_, let temporary) = step else { return error }
        return await place.threads.run { discard(temporary, after: error) }
    }

    private func discard(_ temporary: String, after error: StorageError) -> StorageError {
        place.discard(temporary, after: error)
    }
}
