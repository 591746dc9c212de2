internal import Foundation

/// A place of its own in a bucket of a local S3 server, seen through Amazon's own client.
package struct Bucket: Sendable {
    package let server: S3Server
    package let name: String
    package let prefix: String

    /// A place that nobody else uses.
    package static func make(
        _ kind: S3Server.Kind = .moto,
        _ form: S3Server.BucketForm = .plain
    ) async throws -> Bucket {
        let server = try await S3Server.running(kind)
        let prefix = "e2e/\(UUID().uuidString)/"
        return Bucket(server: server, name: try await server.sharedBucket(form), prefix: prefix)
    }

    /// The same place for somebody who may read, list and add, and may not remove anything.
    package func forAdding() async throws -> Bucket {
        Bucket(server: try await server.keysThatOnlyAdd(), name: name, prefix: prefix)
    }

    private static let client = """
        import base64, json, sys, boto3
        from botocore.config import Config
        endpoint, key, secret, bucket, prefix = sys.argv[1:6]
        s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key,
                          aws_secret_access_key=secret, config=Config(s3={"addressing_style": "path"}))

        """

    private func run(_ script: String, _ argument: String = "") async throws -> Answer {
        try await Python.run(
            Self.client + script,
            server.endpoint,
            server.accessKeyID,
            server.secretAccessKey,
            name,
            prefix,
            argument
        )
    }

    /// The names of all objects below the prefix.
    package func names() async throws -> [String] {
        let script = """
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            names = [each["Key"][len(prefix):] for page in pages for each in page.get("Contents", [])]
            print(json.dumps(sorted(names)))
            """
        return try await run(script).items.compactMap(\.text)
    }

    /// The versions of all objects below the prefix, those that are removals too, and until when each is locked.
    package func versions() async throws -> [Answer] {
        let script = """
            pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
            found = []
            for page in pages:
                for kind in ["Versions", "DeleteMarkers"]:
                    for each in page.get(kind, []):
                        row = {"name": each["Key"][len(prefix):], "id": each["VersionId"], "is": kind}
                        if kind == "Versions":
                            head = s3.head_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"]) \
                                if each["VersionId"] != "null" else {}
                            row["mode"] = head.get("ObjectLockMode")
                            row["until"] = str(head.get("ObjectLockRetainUntilDate"))
                        found.append(row)
            print(json.dumps(found))
            """
        return try await run(script).items
    }

    /// How many unfinished uploads in parts there are below the prefix.
    package func unfinished() async throws -> Int {
        let script = """
            uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
            print(json.dumps([each["Key"] for each in uploads if each["Key"].startswith(prefix)]))
            """
        return try await run(script).items.count
    }

    /// The MD5 of an object, in hexadecimal, computed over its bytes.
    package func md5(_ name: String) async throws -> String {
        let script = """
            import hashlib
            body = s3.get_object(Bucket=bucket, Key=prefix + sys.argv[6])["Body"].read()
            print(json.dumps(hashlib.md5(body).hexdigest()))
            """
        return try await run(script, name).text ?? ""
    }

    /// The bytes of an object.
    package func object(_ name: String) async throws -> [UInt8] {
        let script = """
            body = s3.get_object(Bucket=bucket, Key=prefix + sys.argv[6])["Body"].read()
            print(json.dumps(base64.b64encode(body).decode()))
            """
        return [UInt8](Data(base64Encoded: try await run(script, name).text ?? "") ?? Data())
    }
}
