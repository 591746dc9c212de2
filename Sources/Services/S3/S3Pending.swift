internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

extension S3Connection {
    /// The pending uploads of exactly this key, on the first page; none where the service does not tell.
    func pendingUploads(of key: String, _ what: String) async throws(StorageError) -> [PendingUpload] {
        let query = [HTTPField(name: "uploads", value: ""), HTTPField(name: "prefix", value: key)]
        let request = S3Request(what: what, method: "GET", query: query)
        let reply = try await exchange(request)
        guard reply.status == 200, let root = try? parseXML(reply.body) else {
            // rclone says this where nothing is pending.
            if XMLFault(reply.body)?.code == "NoSuchUpload" { return [] }
            let error = await failure(request, reply)
            if error.retry != .never || [.badCredentials, .badSettings].contains(error.code) { throw error }
            return []
        }
        // The service's own clock, where it shows it: its stamps are compared.
        let time = reply.headers["Date"].flatMap(HTTPText.date) ?? now
        let hourAgo = time.milliseconds - 3_600_000
        return root.children(named: "Upload").filter { $0["Key"]?.text == key }.compactMap { element in
            guard let id = element["UploadId"]?.text, !id.isEmpty, id.utf8.count <= 4096 else { return nil }
            let begun = element["Initiated"].flatMap { Timestamp($0.text) }
            return PendingUpload(id: id, isOld: begun.map { $0.milliseconds < hourAgo } ?? false)
        }
    }

    /// Takes away an upload and its parts; one that is not there is no error.
    func endUpload(_ id: String, of key: String, _ what: String, _ admission: Admission) async throws(StorageError) {
        let query = [HTTPField(name: "uploadId", value: id)]
        let request = S3Request(what: what, method: "DELETE", key: key, query: query, admission: admission)
        let reply = try await exchange(request)
        if (200..<300).contains(reply.status), HTTPFailures.isPlainSuccess(reply) { return }
        guard XMLFault(reply.body)?.code != "NoSuchUpload" else { return }
        throw await failure(request, reply)
    }

    /// Takes away all pending uploads of a key, also young ones: whoever is still at one begins anew.
    func endUploads(of key: String, _ what: String, _ admission: Admission) async throws(StorageError) {
        var ended: Set<String> = []
        for _ in 0..<Self.maxRounds {
            // A list may show for a while what is not there any more.
            let pending = try await pendingUploads(of: key, what).filter { ended.insert($0.id).inserted }
            guard !pending.isEmpty else { return }
            for upload in pending { try await endUpload(upload.id, of: key, what, admission) }
        }
    }

    /// A page has up to a thousand.
    private static let maxRounds = 10
}
