package import Schema

/// Pages of a listing; a listing that cannot be finished throws, it never just ends.
package typealias ObjectStream = AsyncSequence<[ObjectInfo], StorageError> & Sendable

/// A place that keeps named bytes: whole objects under names that we choose.
///
/// A service makes each of its requests through the `CallPolicy` of its context, or is wrapped in `Governed` where
/// each call is one request: that decides how many are made at once, when and how often again, asks the gate, and
/// counts. What comes back is verified by who called. All calls may be made by several tasks at once, and every one
/// stops soon after its task is cancelled, with `.cancelled`.
package protocol StorageService: Sendable {
    /// What this instance can do. Calls outside it are refused before they reach the service.
    var capabilities: Capabilities { get }

    /// The bounds of this instance.
    var limits: Limits { get }

    /// Stores `body` under `name`, replacing what was there, with what it had beside its bytes.
    ///
    /// - The object is visible whole or not at all; a failed or cancelled call leaves what was there before.
    /// - A body that ends early or gives more than its length fails the call and stores nothing.
    /// - Storing the same bytes again is harmless.
    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt

    /// Opens the object, or the part of it in `range` (in bytes).
    ///
    /// - Throws `.notFound` when the service says in its own words that it is not there, and for nothing else.
    /// - A range that reaches beyond the end gives what there is; one that begins beyond it gives nothing.
    /// - All bytes of one stream belong to one version; it throws `.changed` sooner than give bytes of another.
    /// - With `version`, that is the one: throws `.changed` where something else has the name by now.
    /// - The stream throws when fewer bytes come than the service announced, and where no end was announced at all.
    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject

    /// What the service says of the object; `.notFound` when it says in its own words that it is not there.
    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo

    /// The versions of the object that the service keeps, the newest first, and none of any other; none where there
    /// never was one.
    ///
    /// Of a service with versions, in a place where the last one alone is kept, that is the list. What was removed has
    /// a version that says so, where others are kept behind it.
    func versions(of name: ObjectName) -> any VersionStream

    /// Opens a version of the object, or the part of it in `range`, by what the service calls it, as `get` does.
    ///
    /// Throws `.notFound` where it keeps none that is called so, and for one that says that the object was removed.
    func get(_ name: ObjectName, _ range: Range<UInt64>?, kept id: String) async throws(StorageError) -> OpenObject

    /// What the service says of a version of the object; `.notFound` as where it is read.
    func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo

    /// All objects whose names begin with `prefix`, in pages, each object once, in any order.
    ///
    /// A page that failed may be asked for again.
    func list(_ prefix: String) -> any ObjectStream

    /// Removes the object; one that is not there is no error. Returns when the service says that it is gone.
    func delete(_ name: ObjectName) async throws(StorageError)

    /// Removes what uploads of this name that were stopped left beside the objects, as far as the service tells of it,
    /// and the folders on the way to it in which nothing is.
    ///
    /// - The object itself stays, and so does what belongs to any other name. Where nothing was left that is no error.
    /// - With `mayResume`, what the next upload of the same bytes goes on with may stay.
    /// - There is no usual way to do this, so that no layer can forget to pass it on.
    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError)

    /// How much is stored and how much room is left.
    ///
    /// A service that can only tell how much is stored by walking over all of it walks; where it may not, that is nil.
    func usage(mayWalk: Bool) async throws(StorageError) -> Usage

    /// A URL by which anybody can read the object until `end`; nothing is sent, so nobody knows whether it is there.
    func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String

    /// Ends what it keeps open, such as sessions and processes; a call that comes later opens it anew.
    func close() async
}

extension StorageService {
    /// Most services keep nothing open that does not end with the process.
    package func close() async {}

    /// Most services keep what was stored last, and nothing else.
    package func versions(of name: ObjectName) -> any VersionStream {
        Pulled { { () async throws(StorageError) in throw StorageError.noVersions(of: name) } }
    }

    /// Most services keep what was stored last, and nothing else.
    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        kept id: String
    ) async throws(StorageError) -> OpenObject {
        throw StorageError.noVersions(of: name)
    }

    /// Most services keep what was stored last, and nothing else.
    package func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        throw StorageError.noVersions(of: name)
    }

    /// Most services give what they hold only to those with a key.
    package func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        throw StorageError(.unsupported, "This backend gives no URL of \(name).")
    }

    /// How much is stored, by walking over all of it; nil where the length of something is not told.
    package func usageByListing() async throws(StorageError) -> Usage {
        var used: UInt64? = 0
        var objects: UInt64 = 0
        for try await page in list("") {
            objects += UInt64(page.count)
            for info in page {
                // More than can be counted is said by nobody who has it.
                let sum = used.flatMap { used in info.length.map { used.addingReportingOverflow($0) } }
                used = sum.flatMap { $0.overflow ? nil : $0.partialValue }
            }
        }
        return Usage(used: used, objects: objects)
    }

    /// The bytes of an object, or of the part of it in `range`, whichever version has the name.
    package func read(_ name: ObjectName, _ range: Range<UInt64>? = nil) async throws(StorageError) -> any ByteStream {
        try await get(name, range, version: nil).stream
    }
}

extension StorageError {
    fileprivate static func noVersions(of name: ObjectName) -> StorageError {
        StorageError(.unsupported, "This backend keeps no versions of \(name).")
    }
}
