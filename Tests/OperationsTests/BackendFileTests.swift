import Foundation
@testable import Operations
import Schema
import Storage
import TestKit
import Testing
import YAML

/// The file of a backend: what is read, what is written, and what is shown of it.
@Suite(.scratch) struct BackendFileTests {
    private func parse(_ text: String, name: String = "my-s3") throws(KitError) -> BackendFile {
        try BackendFile.parse(Array(text.utf8), name: name, path: "my-s3.yaml")
    }

    private static let full = """
        name: my-s3
        type: s3
        enabled: true
        created_at: '2026-07-30T19:44:19.863Z'
        updated_at: '2026-07-30T20:32:40.719Z'
        connection:
          bucket: my-ipfs-bucket
          endpoint: https://s3.amazonaws.com
          region: us-west-2
          prefix: ipfs-kit/
        credentials:
          access_key_id: ${AWS_ACCESS_KEY_ID}
          secret_access_key: ${AWS_SECRET_ACCESS_KEY}
        operational:
          timeout: 30
          retry_count: 3
          max_connections: 16
        policies:
          storage_quota_gb: 1000
          traffic_quota_gb_monthly: 5000
          retention_days: 90
          min_replicas: 2
          cache_ttl_hours: 24
        metadata:
          description: s3 backend configuration
          version: '1.0'
          tags:
            provider: aws
            region: us

        """

    /// Whoever copies an example has a backend, once its variables are set.
    @Test(arguments: backendTypes.map(\.type)) func everyTypeHasAnExample(_ type: String) throws {
        let file = packageRoot.appending(path: "Examples/backends/\(type).yaml")
        let bytes = try [UInt8](Data(contentsOf: file))
        let backend = try BackendFile.parse(bytes, name: "example", path: file.path)
        #expect(backend.row.type == type && !backend.settings.isEmpty)
        try backend.check()
        // What is secret stands in no file.
        let values = try backend.values { _ in "set" }
        _ = try OperationalSettings(values: values.operational)
        for field in BackendFile.fields(of: backend.row) where field.isSecret {
            #expect(values.type[field.name].map { $0.text == "set" } ?? true, "\(field.name)")
        }
    }

    @Test func whatIsWrittenReadsBackTheSame() throws {
        let file = try parse(Self.full)
        let again = try parse(file.text())
        #expect(again.text() == file.text())
        #expect(again.json == file.json)
        let tree = try YAMLNode.parse(Array(file.text().utf8))
        for section in ["connection", "credentials", "operational", "policies", "metadata"] {
            #expect(tree[section]?.mapping != nil, "\(section)")
        }
        #expect(tree["created_at"]?.string == "2026-07-30T19:44:19.863Z")
        #expect(tree["credentials"]?["secret_access_key"]?.string == "${AWS_SECRET_ACCESS_KEY}")
        #expect(tree["metadata"]?["tags"]?["provider"]?.string == "aws")
    }

    @Test(arguments: [
        "plain", "with: colon", "# hash", "'quoted'", "true", "1e3", " space ", "ünï", "- dash", "line\nbreak", "${X}",
        "",
    ])
    func anyTextSurvivesTheFile(_ text: String) throws {
        var file = try parse(Self.full)
        file.settings["secret_access_key"] = BackendFile.Setting(text)
        file.description = text
        file.tags = [text.isEmpty ? "empty" : text: text]
        let again = try parse(file.text())
        #expect(again.settings["secret_access_key"]?.text == text)
        #expect(again.description == text && again.tags == file.tags)
    }

    @Test(arguments: ["SECRET-1", "x${A}", "${A:-SECRET-1}", "${A}${B}SECRET-1", "$${A}"])
    func secretsAreNotShown(_ secret: String) throws {
        var file = try parse(Self.full)
        file.settings["secret_access_key"] = BackendFile.Setting(secret)
        #expect(file.json.compact.contains("••••") && !file.json.compact.contains(secret))
        #expect(!file.textWithoutSecrets().contains(secret))
        #expect(!file.textWithoutSecrets().contains("secret_access_key"))
        #expect(file.text().contains(secret))
    }

    @Test(arguments: ["${A}", "${file:/run/secrets/a}"])
    func referencesAreNoSecrets(_ reference: String) throws {
        var file = try parse(Self.full)
        file.settings["secret_access_key"] = BackendFile.Setting(reference)
        #expect(file.json.compact.contains(reference) && file.textWithoutSecrets().contains(reference))
    }

    /// Places where somebody may put a secret that is shown there.
    @Test(arguments: [
        ("endpoint", "user:CANARY@s3.example.org"), ("endpoint", "https://s3.example.org/?X-Amz-Signature=CANARY"),
        ("endpoint", "https://s3.example.org/?CANARY"), ("endpoint", "https://s3.example.org/#CANARY"),
        ("endpoint", "s3.example.org/#CANARY"), ("endpoint", "user:CAN/ARY@s3.example.org"),
        ("prefix", "https://u:CANARY@h/"), ("prefix", "a?password=CANARY"), ("region", "u:CANARY@h"),
        ("ca_file", "/etc/ca.pem?token=CANARY"), ("bucket", "https://u:CANARY@h/b"),
    ])
    func secretsElsewhereAreRefused(_ key: String, _ text: String) throws {
        var file = try parse(Self.full)
        file.settings[key] = BackendFile.Setting(text)
        let error = #expect(throws: KitError.self) { try file.check() }
        #expect(error?.code == .usage && error?.message.contains("CAN") == false, "\(error?.message ?? "")")
        // Who reads it all the same, from a file of an older version, leaves it nowhere.
        if Redactor.hasCredentials(text) { #expect(!file.textWithoutSecrets().contains("CANARY")) }
    }

    @Test func aDescriptionIsReadAndLeavesNoSecretElsewhere() throws {
        var file = try parse(Self.full)
        file.description = "see https://u:CANARY@h/b"
        file.tags = ["link": "https://h/?password=CANARY"]
        #expect(throws: KitError.self) { try file.checkDescription() }
        let text = file.textWithoutSecrets()
        #expect(!text.contains("CANARY"))
        let again = try parse(text)
        try again.checkDescription()
        #expect(again.description == "see https://••••@h/b")
        #expect(again.json["connection"] == file.json["connection"])
    }

    /// What a type can never use is refused when it is written down, and not when it is needed.
    @Test(arguments: [
        ("filesystem", "path: relative/folder", false), ("filesystem", "path: /absolute", true),
        ("filesystem", "path: '${FOLDER}'", true), ("s3", "{bucket: b, part_size: 1KiB}", false),
        ("s3", "{bucket: a/b}", false), ("s3", "{bucket: b, endpoint: 'ftp://h'}", false),
        ("s3", "{bucket: b, region: 'a b'}", false), ("s3", "{bucket: b, region: '${REGION}', endpoint: h}", true),
        ("s3", "{bucket: '${BUCKET}', endpoint: 'http://h:9000'}", true),
    ])
    func aTypeChecksItsSettings(_ type: String, _ settings: String, _ isRight: Bool) {
        let text = "type: \(type)\nconnection: \(settings.hasPrefix("{") ? settings : "{\(settings)}")\n"
        guard !isRight else {
            #expect(throws: Never.self) { try parse(text) }
            return
        }
        let error = #expect(throws: KitError.self) { try parse(text) }
        #expect(error?.code == .usage && error?.message.contains("connection.") == true, "\(error?.message ?? "")")
    }

    @Test func aFileThatNobodyWouldReadAgainIsNotWritten() throws {
        let path = Scratch.current + "/my-s3.yaml"
        let text = "type: filesystem\nconnection: {path: /tmp}\n"
        var file = try BackendFile.parse(Array(text.utf8), name: "my-s3", path: path)
        // Each takes six bytes in the file.
        file.description = String(repeating: "\u{1}", count: BackendFile.longest / 5)
        #expect(throws: KitError.self) { try file.save() }
        #expect(!FileManager.default.fileExists(atPath: path))
        file.description = String(repeating: "\u{1}", count: BackendFile.longest / 7)
        try file.save()
        #expect(try BackendFile.read("my-s3", path: path).description == file.description)
    }

    @Test func aSettingThatIsNoneIsNotRepeated() throws {
        var file = try parse(Self.full)
        let error = #expect(throws: KitError.self) { try file.apply(["CANARYabc=="]) }
        #expect(error?.message.contains("CANARY") == false)
        let slip = #expect(throws: KitError.self) { try file.apply(["regoin=x"]) }
        #expect(slip?.message.contains("did you mean “region”?") == true)
    }

    @Test func aWrongSecretIsNotQuoted() throws {
        var file = try parse(Self.full)
        file.settings["secret_access_key"] = BackendFile.Setting(items: ["SECRET-1", "SECRET-2"], line: 7)
        let error = #expect(throws: KitError.self) { try file.check() }
        #expect(error?.message.contains("my-s3.yaml:7") == true && error?.message.contains("SECRET") == false)
    }

    static let legacy: [(text: String, key: String, value: String)] = [
        ("config: {bucket_name: b}", "bucket", "b"), ("config: {bucketName: b}", "bucket", "b"),
        ("bucket: b", "bucket", "b"),
        ("config: {bucket: b, endpoint_url: 'http://h'}", "endpoint", "http://h"),
        ("config: {bucket: b, aws_region: r}", "region", "r"),
        ("config: {bucket: b, access_key: k}", "access_key_id", "k"),
        ("config: {bucket: b, secretKey: k}", "secret_access_key", "k"),
        ("config: {bucket: b}\naws_secret_access_key: k", "secret_access_key", "k"),
        ("config: {bucket: b, max_retries: 7}", "retry_count", "7"),
        ("config: {bucket: b, verify_ssl: false}", "verify_tls", "false"),
    ]

    @Test(arguments: legacy.indices)
    func olderSpellingsAreReadAndTodaysAreWritten(_ index: Int) throws {
        let (text, key, value) = Self.legacy[index]
        let file = try parse("type: s3\n\(text)\n")
        #expect(file.settings[key]?.text == value)
        let tree = try YAMLNode.parse(Array(file.text().utf8))
        let section = try #require(file.fields.first { $0.name == key }?.section)
        #expect(tree[section.rawValue]?[key] != nil && tree["config"] == nil)
    }

    @Test(
        arguments: ["local", "local_fs", "local_storage", "filesystem"],
        ["path", "storage_path", "base_path", "mount_point"]
    )
    func olderWordsForDirectories(_ type: String, _ key: String) throws {
        let file = try parse("type: \(type)\nconfig:\n  \(key): /data\n")
        #expect(file.row.type == "filesystem" && file.settings["path"]?.text == "/data")
        #expect(try parse(file.text()).type == type)
    }

    @Test func datesWithoutZoneAreUTC() throws {
        let file = try parse("type: s3\nbucket: b\ncreated_at: '2026-11-20T15:29:19.098811'\n")
        #expect(file.createdAt.description == "2026-11-20T15:29:19.098Z")
    }

    @Test(arguments: [
        ("type: s3\nbucket: a\nconfig: {bucket_name: b}", 3, "twice"),
        ("type: s3\nconnection:\n  bucket: {a: b}", 3, "single value"),
        ("type: s3\nconnection: [a]", 2, "mapping"),
        ("type: s3\nconnection: {bucket: b}\npolicies:\n  min_replicas: many", 4, "policies.min_replicas"),
        ("type: s3\nconnection: {bucket: b}\noperational: {max_conections: 2}", 3, "max_connections"),
        ("type: s3\nconnection: {bucket: b}\noperational: {max_connections: 0}", 3, "at least 1"),
        ("type: s3\nconnection: {bucket: b}\npolicies: {min_replicas: -1}", 3, "at least 0"),
    ])
    func whatIsWrongIsToldByLine(_ text: String, _ line: Int, _ part: String) {
        let error = #expect(throws: KitError.self) { try parse(text) }
        #expect(error?.code == .usage && error?.backend == "my-s3" && error?.hint != nil)
        #expect(error?.message.hasPrefix("my-s3.yaml:\(line): ") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("a", true), ("my-s3_2", true), ("0", true), ("", false), ("A", false), ("-a", false), ("_a", false),
        ("a/b", false),
        ("a.b", false), ("..", false), ("ä", false), ("a\n", false), (String(repeating: "a", count: 64), true),
        (String(repeating: "a", count: 65), false),
    ])
    func namesArePartsOfPaths(_ name: String, _ isOne: Bool) {
        #expect(BackendFile.isName(name) == isOne)
    }
}
