internal import HTTPClient
internal import Multiformats
internal import Schema
internal import Storage

/// A bucket at a vendor who imports the CARs that are put into it: a way for bytes, before they are asked for by a CID.
///
/// Each CAR is an object that is called by its root. It stays as long as the request: what the vendor does with what
/// came by it is his.
struct ImportBucket: Sendable {
    private let bucket: SignedBucket
    private let largest: UInt64

    /// The bucket of the settings at a server; throws `badCredentials` where its keys are missing.
    init(
        _ settings: PinningSettings,
        at server: HTTPAddress,
        largest: UInt64,
        _ transport: HTTPTransport,
        _ policy: CallPolicy
    ) throws(StorageError) {
        let (id, secret) = (settings.keys.accessKeyID, settings.keys.secretAccessKey)
        guard !id.isEmpty, !secret.isEmpty else {
            throw StorageError(
                .badCredentials,
                "connection.bucket needs credentials.access_key_id and credentials.secret_access_key."
            )
        }
        let hint = "check credentials.access_key_id and its secret, and connection.bucket"
        let hints = FailureHints(credentials: hint, permission: hint)
        bucket = SignedBucket(
            server: server,
            bucket: settings.bucket,
            keys: AccessKeys(accessKeyID: id, secretAccessKey: secret),
            region: "us-east-1",
            transport: transport,
            policy: policy,
            failures: HTTPFailures(host: server.host, kind: "an importer of CARs", place: settings.bucket, hints: hints)
        )
        self.largest = largest
    }

    /// Puts the CAR of a root into the bucket; throws `corrupt` where another root was made of it.
    func bring(_ upload: Upload, _ what: String, _ admission: Admission) async throws(StorageError) {
        let car = try await upload.car()
        guard car.length <= largest else {
            throw bucket.failures.error(.tooLarge, "the service imports CARs of at most \(ByteCount(largest))", what)
        }
        let fields = [
            HTTPField(name: "Content-Type", value: "application/vnd.ipld.car"),
            HTTPField(name: "x-amz-meta-import", value: "car"),
        ]
        let headers = try await bucket.put(key(of: upload.root), car, fields, what, admission)
        guard let cid = headers["x-amz-meta-cid"], (try? CID(cid))?.v1 != upload.root.v1 else { return }
        throw bucket.failures.error(.corrupt, "the service made another root of it", what, .later).ofUnknownOutcome
    }

    /// Removes the CAR of a root; one that is not there is no error.
    func remove(_ root: CID, _ what: String, _ admission: Admission) async throws(StorageError) {
        try await bucket.remove(key(of: root), what, admission)
    }

    private func key(of root: CID) -> String { "ipfs-kit/\(root).car" }
}
