import Digests
import HTTPClient
import Schema
import Storage
import Testing

@testable import Services

private let example = AccessKeys(
    accessKeyID: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)
private let moment = Timestamp("2013-05-24T00:00:00Z") ?? Timestamp(milliseconds: 0)

/// One published example of Signature Version 4.
struct SigningVector: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var method = "GET"
    var host = "examplebucket.s3.amazonaws.com"
    var path = "/"
    var query: [(String, String)] = []
    var headers: [(String, String)] = []
    var payloadHash = SignatureV4.emptyPayload
    var isPresigned = false
    let signature: String

    static let all = [
        SigningVector(
            testDescription: "range",
            path: "/test.txt",
            headers: [("Range", "bytes=0-9")],
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
        SigningVector(
            testDescription: "put",
            method: "PUT",
            path: "/test%24file.text",
            headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            payloadHash: hex(digest(.sha256, of: Array("Welcome to Amazon S3.".utf8))),
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        ),
        SigningVector(
            testDescription: "bare parameter",
            query: [("lifecycle", "")],
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        ),
        SigningVector(
            testDescription: "parameters out of order",
            query: [("prefix", "J"), ("max-keys", "2")],
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        ),
        SigningVector(
            testDescription: "presigned",
            path: "/test.txt",
            query: [
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"),
                ("X-Amz-Date", "20130524T000000Z"), ("X-Amz-Expires", "86400"), ("X-Amz-SignedHeaders", "host"),
            ],
            payloadHash: SignatureV4.unsignedPayload,
            isPresigned: true,
            signature: "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        ),
        SigningVector(
            testDescription: "seed of a chunked upload",
            method: "PUT",
            host: "s3.amazonaws.com",
            path: "/examplebucket/chunkObject.txt",
            headers: [
                ("Content-Encoding", "aws-chunked"), ("Content-Length", "66824"),
                ("x-amz-decoded-content-length", "66560"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            payloadHash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
        ),
    ]
}

struct S3SigningTests {
    private let signer = SignatureV4(credentials: example, region: "us-east-1", moment: moment)

    @Test func keyOfTheDay() {
        #expect(hex(signer.key) == "dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378")
    }

    @Test(arguments: SigningVector.all)
    func vector(_ vector: SigningVector) {
        let query = vector.query.map { HTTPField(name: $0.0, value: $0.1) }
        var headers = vector.headers.map { HTTPField(name: $0.0, value: $0.1) }
        if vector.isPresigned {
            headers.append(HTTPField(name: "host", value: vector.host))
            let signature = signer.signature(
                method: vector.method,
                path: vector.path,
                query: query,
                headers: headers,
                payloadHash: vector.payloadHash
            )
            #expect(signature == vector.signature)
        } else {
            let fields = signer.fields(
                method: vector.method,
                host: vector.host,
                path: vector.path,
                query: query,
                headers: headers,
                payloadHash: vector.payloadHash
            )
            #expect(HTTPHeaders(fields)["Authorization"]?.hasSuffix("Signature=\(vector.signature)") == true)
        }
    }

    @Test func tokenIsSentAndSigned() {
        let temporary = AccessKeys(accessKeyID: "A", secretAccessKey: "B", sessionToken: "T")
        let fields = HTTPHeaders(
            SignatureV4(credentials: temporary, region: "r", moment: moment).fields(
                method: "GET",
                host: "h",
                path: "/",
                query: [],
                headers: [],
                payloadHash: SignatureV4.emptyPayload
            )
        )
        #expect(fields["x-amz-security-token"] == "T")
        #expect(fields["Authorization"]?.contains(";x-amz-security-token,") == true)
    }

    @Test func outerAndDoubledSpacesOfHeadersDoNotCount() {
        func signature(_ value: String) -> String {
            signer.signature(
                method: "GET",
                path: "/",
                query: [],
                headers: [HTTPField(name: "X-Amz-Meta-A", value: value)],
                payloadHash: SignatureV4.emptyPayload
            )
        }
        #expect(signature("  a   b ") == signature("a b"))
        #expect(signature("a b") != signature("ab"))
    }

    @Test func queryIsSortedByItsEscapedForm() {
        let query = [("b", "ü /+"), ("a~", "1"), ("a", "2"), ("a", "10")].map { HTTPField(name: $0.0, value: $0.1) }
        #expect(SignatureV4.canonicalQuery(query) == "a=10&a=2&a~=1&b=%C3%BC%20%2F%2B")
    }
}

struct ETagDigestTests {
    @Test(arguments: ["", "f", "fo", "foo", "foob"])
    func base64(_ text: String) {
        let known = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg=="]
        #expect(HTTPText.base64(Array(text.utf8)) == known[text])
    }

    @Test func escapes() {
        #expect(HTTPText.escaped("a//b/../ü%", keepingSlashes: true) == "a//b/../%C3%BC%25")
        #expect(HTTPText.unescaped("a%2Fb+c%c3%bc", plusIsSpace: true) == "a/b cü")
        for text in ["%", "%2", "%zz", "%FF"] { #expect(HTTPText.unescaped(text) == nil) }
    }

    @Test func digests() {
        let md5 = String(repeating: "ab", count: 16)
        let bytes = [UInt8](repeating: 0xAB, count: 16)
        #expect(ETagDigest.digest(etag: "\"\(md5)\"") == .md5(bytes))
        #expect(ETagDigest.digest(etag: "\(md5)-3") == .md5OfParts(bytes, parts: 3))
        for text in ["", "\"abc\"", "\(md5)-", "\(md5)-x", "\(md5)-1-2", "W/\"\(md5)\"", "\(md5)00"] {
            #expect(ETagDigest.digest(etag: text) == nil)
        }
    }

    @Test func dates() {
        #expect(HTTPText.date("Fri, 24 May 2013 00:00:00 GMT") == moment)
        #expect(HTTPText.date("2013-05-24") == nil)
        #expect(HTTPText.date("Fri, 99 May 2013 00:00:00 GMT") == nil)
    }
}

struct S3TargetTests {
    private func target(
        _ type: String,
        endpoint: String = "",
        region: String = "",
        bucket: String = "bucket",
        environment: [String: String] = [:],
        change: (inout S3Settings) -> Void = { _ in }
    ) throws(StorageError) -> S3Target {
        var settings = S3Settings()
        settings.endpoint = endpoint
        settings.region = region
        settings.bucket = bucket
        change(&settings)
        return try S3Target(settings, type: type, profile: [:], environment: { environment[$0] })
    }

    private func url(_ target: S3Target) -> String {
        let address = target.address(key: "k/x", region: target.region)
        return "\(address.scheme)://\(address.host)\(address.path) \(target.region)"
    }

    @Test(arguments: [
        ("s3", "", "", "https://bucket.s3.us-east-1.amazonaws.com/k/x us-east-1"),
        ("s3", "", "eu-west-1", "https://bucket.s3.eu-west-1.amazonaws.com/k/x eu-west-1"),
        ("digitalocean", "", "", "https://bucket.nyc3.digitaloceanspaces.com/k/x nyc3"),
        ("wasabi", "", "eu-central-1", "https://s3.eu-central-1.wasabisys.com/bucket/k/x eu-central-1"),
        (
            "b2", "https://s3.us-west-004.backblazeb2.com", "",
            "https://s3.us-west-004.backblazeb2.com/bucket/k/x us-west-004"
        ),
        ("s3", "HTTPS://AMS3.DigitalOceanSpaces.com:443/", "", "https://bucket.ams3.digitaloceanspaces.com/k/x ams3"),
        ("r2", "https://acc.r2.cloudflarestorage.com", "", "https://acc.r2.cloudflarestorage.com/bucket/k/x auto"),
        ("minio", "http://127.0.0.1:9000/base/", "", "http://127.0.0.1:9000/base/bucket/k/x us-east-1"),
        ("s3", "http://[::1]:9000", "", "http://[::1]:9000/bucket/k/x us-east-1"),
        ("s3", "minio.example.org:9000", "", "https://minio.example.org:9000/bucket/k/x us-east-1"),
    ])
    func addresses(_ type: String, _ endpoint: String, _ region: String, _ wanted: String) throws {
        #expect(try url(target(type, endpoint: endpoint, region: region)) == wanted)
    }

    @Test func aBucketWithADotStaysInThePath() throws {
        #expect(try url(target("aws", bucket: "a.b")).hasPrefix("https://s3.us-east-1.amazonaws.com/a.b/k"))
    }

    @Test func variablesAreForAmazonOnly() throws {
        let variables = ["AWS_REGION": "eu-north-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"]
        #expect(try url(target("s3", environment: variables)) == "http://127.0.0.1:4566/bucket/k/x eu-north-1")
        #expect(try url(target("wasabi", environment: variables)).hasSuffix(" us-east-1"))
    }

    @Test func signingOfPayloadsFollowsTheScheme() throws {
        #expect(try target("s3").signsPayload == false)
        #expect(try target("s3", endpoint: "http://h").signsPayload)
        #expect(try target("s3", endpoint: "h") { $0.useSSL = false }.signsPayload)
        #expect(try target("s3") { $0.payloadSigning = .signed }.signsPayload)
    }

    @Test func prefixesAreTidied() throws {
        #expect(try target("s3") { $0.prefix = "/a//b" }.prefix == "a/b/")
        #expect(throws: StorageError.self) { try target("s3") { $0.prefix = "a/../b" } }
    }

    @Test(arguments: [
        ("r2", "", "", "bucket"), ("b2", "", "", "bucket"), ("s3", "ftp://h", "", "bucket"),
        ("s3", "http://user:secret@h", "", "bucket"), ("s3", "http://h?x=1", "", "bucket"),
        ("s3", "http://h\r\nX: y", "", "bucket"), ("s3", "", "evil.example/", "bucket"), ("s3", "", "", ""),
        ("s3", "", "", "a/b"), ("s3", "", "", ".."), ("s3", "http://", "", "bucket"),
    ])
    func refused(_ type: String, _ endpoint: String, _ region: String, _ bucket: String) {
        let error = #expect(throws: StorageError.self) {
            try target(type, endpoint: endpoint, region: region, bucket: bucket)
        }
        #expect(error?.code == .badSettings)
        #expect(error?.message.contains("secret") == false)
    }

    @Test func wordsAreUnique() {
        let words = S3Vendor.all.flatMap(\.words)
        #expect(Set(words).count == words.count)
        #expect(words.contains(S3.type) && !S3.aliases.contains(S3.type))
    }

    @Test(arguments: [
        ["bucket_name": "b", "endpoint_url": "e", "access_key_id": "k", "secret_access_key": "s"],
        ["bucket": "b", "endpoint": "e", "accessKey": "k", "secretKey": "s"],
        ["bucket_name": "b", "endpoint_url": "e", "aws_access_key_id": "k", "aws_secret_access_key": "s"],
        ["bucket": "b", "endpoint": "e", "access_key": "k", "secret_key": "s"],
    ])
    func historicSpellings(_ values: [String: String]) throws {
        let settings = try S3Settings(values: values.mapValues { .text($0) })
        #expect(
            [settings.bucket, settings.endpoint, settings.keys.accessKeyID, settings.keys.secretAccessKey] == [
                "b", "e", "k", "s",
            ]
        )
    }
}

struct S3CredentialsTests {
    @Test func sectionsOfAnINIFile() {
        let text = """
            ; comment
            orphan = 1
            [default]
            aws_access_key_id=A  # trailing
            AWS_SECRET_ACCESS_KEY =  a/b+c=
            s3 =
              addressing_style = path
            [profile  "two words"]
            region = x
            """
        let sections = INIFile(text.split(separator: "\n").joined(separator: "\r\n")).sections
        #expect(sections["default"] == ["aws_access_key_id": "A", "aws_secret_access_key": "a/b+c=", "s3": ""])
        #expect(sections["profile two words"] == ["region": "x"])
        #expect(sections.count == 2)
    }

    private func credentials(
        _ own: (String, String),
        _ environment: [String: String],
        profile: [String: String],
        named: String = ""
    ) throws(StorageError) -> AccessKeys {
        var settings = AccessKeySettings()
        (settings.accessKeyID, settings.secretAccessKey, settings.profile) = (own.0, own.1, named)
        return try AccessKeys(
            settings,
            profile: AmazonProfile(name: "default", values: profile, files: ["/home/x/.aws/credentials"]),
            environment: { environment[$0] }
        )
    }

    private let variables = [
        "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_SESSION_TOKEN": "t",
    ]
    private let stored = ["aws_access_key_id": "P", "aws_secret_access_key": "p"]

    @Test func theOrderOfSources() throws {
        #expect(try credentials(("S", "s"), variables, profile: stored).accessKeyID == "S")
        #expect(try credentials(("S", "s"), variables, profile: stored).sessionToken == nil)
        #expect(try credentials(("", ""), variables, profile: stored).sessionToken == "t")
        #expect(try credentials(("", ""), [:], profile: stored).accessKeyID == "P")
        #expect(try credentials(("", ""), variables, profile: stored, named: "default").accessKeyID == "P")
    }

    @Test(arguments: [
        ([:], ["credentials.access_key_id", "AWS_ACCESS_KEY_ID", "“default”", "/home/x/.aws/credentials"]),
        (["role_arn": "r"], ["assuming a role"]), (["sso_session": "r"], ["single sign-on"]),
        (["credential_process": "r"], ["credential_process"]),
    ])
    func nothingFound(_ profile: [String: String], _ phrases: [String]) {
        let error = #expect(throws: StorageError.self) { try credentials(("", ""), [:], profile: profile) }
        #expect(error?.code == .badCredentials)
        for phrase in phrases { #expect(error?.message.contains(phrase) == true) }
    }

    @Test func halfAPairIsNamed() {
        let error = #expect(throws: StorageError.self) { try credentials(("S", ""), variables, profile: stored) }
        #expect(error?.message.contains("credentials.secret_access_key") == true)
    }

    @Test func filesAreFoundByVariables() async throws {
        let profile = try await AmazonProfile.load(named: "") { variable in
            ["AWS_PROFILE": "work", "AWS_CONFIG_FILE": "/nowhere/config", "HOME": "/nowhere"][variable]
        }
        #expect(profile.name == "work")
        #expect(profile.files == ["/nowhere/.aws/credentials", "/nowhere/config"])
        #expect(profile.values.isEmpty)
    }
}
