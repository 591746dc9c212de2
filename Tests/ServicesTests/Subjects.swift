import Foundation
import Schema
import Services
import Storage
import StorageLaws
import TestKit
import Testing

/// A backend of one type on a real place, for the laws.
enum Subject: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case filesystem
    case kuboSimulator
    case s3OverMoto
    case s3OverRclone
    case s3OverRadosgw
    case s3OverSeaweedfs
    case sftpOverOpenSSH
    case sftpOverRclone

    var testDescription: String { rawValue }

    /// The word for the type in a backend file.
    var type: String {
        switch self {
        case .filesystem: "filesystem"
        case .kuboSimulator: "ipfs"
        case .s3OverMoto, .s3OverRclone, .s3OverRadosgw, .s3OverSeaweedfs: "s3"
        case .sftpOverOpenSSH, .sftpOverRclone: "sftp"
        }
    }

    /// The length, in bytes, around which the service begins to divide uploads, or what it stores.
    var boundary: Int {
        switch self {
        case .filesystem, .sftpOverOpenSSH, .sftpOverRclone: 256 << 10
        case .kuboSimulator: 1 << 20
        case .s3OverMoto, .s3OverRclone, .s3OverRadosgw, .s3OverSeaweedfs: 5 << 20
        }
    }

    /// Why laws do not apply, where they do not.
    var exceptions: Set<String> {
        switch self {
        // Nothing stands between us and a disk, or a server's disk, that could go wrong, and it computes no digests.
        case .filesystem, .sftpOverOpenSSH:
            Set(
                Self.wireTroubles.map { "It cannot be brought about here that \($0)." } + [
                    "The service lacks what it takes: digest."
                ]
            )
        // rclone keeps what it knows of directories for a while; told not to, version 1.75 waits for itself for ever
        // when many ask at once.
        case .sftpOverRclone:
            Self.sftpOverOpenSSH.exceptions.union(
                Stray.allCases.map { "Nobody can leave \($0.rawValue) here." } + [
                    "It cannot be brought about here that \(Trouble.losesPlace).",
                    "There can be nothing but objects here.",
                ]
            )
        // Ranges stand in the query, a list is one document, and lengths stand in it.
        case .kuboSimulator:
            Set(
                [Trouble.losesPlace, .ignoresRanges, .shiftsRanges, .tellsNoLength, .listsWithoutEnd(areEmpty: false)]
                    .map {
                        "It cannot be brought about here that \($0)."
                    } + [
                        "There can be nothing but objects here.", "Nobody can leave links that lead back here.",
                        "The service lacks what it takes: digest.", "About a thousand objects would be stored.",
                    ]
            )
        case .s3OverMoto, .s3OverRclone, .s3OverRadosgw, .s3OverSeaweedfs:
            [
                "There can be nothing but objects here.", "Nobody can leave links that lead back here.",
                "The service lacks what it takes: usage.",
            ]
        }
    }

    private static let wireTroubles: [Trouble] =
        [
            .breaksOff(after: 65_536), .endsUnannounced(after: 65_536), .ignoresRanges, .shiftsRanges, .tellsNoLength,
            .praisesEarly, .echoesDigests, .altersUploads, .cutsLists, .listsWithoutEnd(areEmpty: false),
            .encodesReads, .losesAnswer(to: .put), .losesAnswer(to: .delete),
        ] + Trouble.Call.allCases.map { .answers(.loginPage, to: $0) }

    /// Whether about a thousand objects may be stored: the simulator writes its folder anew for each.
    var allowsBulk: Bool { self != .kuboSimulator }

    /// Laws that the server itself breaks, by their titles, and a part of the sentence that says how.
    ///
    /// rclone replaces objects in place: Amazon's own client, too, reads bytes there that nobody stored. While an
    /// object is replaced it sends more bytes than it announced, and it answers 501 to one of two uploads that end
    /// together. Where an object goes while it is sent, an error document stands in the middle of its bytes.
    ///
    /// Where a folder has the name of an object, or an object that of a folder, it says only that it could not.
    ///
    /// Over SFTP it gives the bytes of the new file under a handle of the old one, or says that those changed. After it
    /// refused to give a file the name of a folder, it shows both, and nothing in the folder, for a while.
    ///
    /// SeaweedFS takes the type of an object from its name, whatever it was given: what ends with .html comes as a page,
    /// and a page is nobody's object. The kit gives no such names.
    var weaknesses: [String: [String]] {
        if self == .s3OverSeaweedfs {
            return ["every legal character may be in a name": ["index.html failed with unavailable"]]
        }
        if self == .sftpOverRclone {
            return [
                "two writers of one name leave one of the two whole": ["was replaced while"],
                "a reader during a replacement sees the old or the new": ["was replaced while", "never stored"],
                "an object with the name of a folder of others is kept beside them, or refused": [
                    "is not there, the server says"
                ],
            ]
        }
        guard self == .s3OverRclone else { return [:] }
        return [
            "two writers of one name leave one of the two whole": [
                "that none of them stored", "cannot do that", "cannot do it now", "was replaced while",
            ],
            "a reader during a replacement sees the old or the new": [
                "that were never stored", "not valid HTTP", "was replaced while", "failed with notFound",
            ],
            "an object below the name of another is kept beside it, or refused": ["cannot do it now"],
            "an object with the name of a folder of others is kept beside them, or refused": ["cannot do it now"],
            "a read whose object is replaced between two chunks ends with its own bytes or fails": [
                "bytes of something else"
            ],
            "a read whose object is removed between two chunks ends with its own bytes or fails": [
                "bytes of something else"
            ],
            "a read never goes on in another object where its own is replaced": ["bytes of something else"],
            "a read never goes on in another object where its own is replaced by something shorter": [
                "bytes of something else"
            ],
            "a read never goes on in another object where its own is removed": ["bytes of something else"],
        ]
    }

    /// Opens a backend on an empty place of its own.
    func open() async throws -> any ContentService {
        if let sftp {
            let server = try await SFTPServer.running(sftp)
            return try await Self.open("sftp", server.settings(for: try server.newFolder()))
        }
        if self == .kuboSimulator {
            let server = try await KuboServer.running()
            return try await Self.open("ipfs", Self.settings(of: server.endpoint, folder: Self.newFolder()))
        }
        guard let kind else { return try await Self.open("filesystem", ["path": .text(Scratch.current)]) }
        let server = try await S3Server.running(kind)
        return try await Self.open("s3", Self.settings(of: server, bucket: try await server.sharedBucket()))
    }

    /// Opens a backend around which things can be made to go wrong, and says who does that.
    func openTroubled() async throws -> (any ContentService, any Troublemaker) {
        if let sftp {
            let server = try await SFTPServer.running(sftp)
            let folder = try server.newFolder()
            let content = try await Self.open("sftp", server.settings(for: folder), retries: 1)
            return (content, DirectoryTroubles(root: folder, isSeenAtOnce: sftp == .openSSH))
        }
        if self == .kuboSimulator {
            let server = try await KuboServer.running()
            let folder = Self.newFolder()
            let proxy = try await FaultyProxy.start(before: server.endpoint, [])
            let values = Self.settings(of: proxy.endpoint, folder: folder)
            let troubles = KuboTroubles(proxy: proxy, server: server, folder: folder)
            return (try await Self.open("ipfs", values, retries: 1), troubles)
        }
        guard let kind else {
            // It goes away, and the folder of the test stays.
            let folder = Scratch.current + "/\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let content = try await Self.open("filesystem", ["path": .text(folder)], retries: 1)
            return (content, DirectoryTroubles(root: folder))
        }
        let server = try await S3Server.running(kind)
        let (proxy, bucket) = (try await server.sharedProxy(), try await server.sharedBucket())
        let folder = "kept/\(UUID().uuidString)"
        let values = Self.settings(of: server, bucket: bucket, endpoint: proxy.endpoint, prefix: folder)
        let troubles = ProxyTroubles(proxy: proxy, server: server, bucket: bucket, folder: folder)
        return (try await Self.open("s3", values, retries: 1), troubles)
    }

    /// Those that are reached by HTTP, so that the faulty proxy can stand before them.
    static let overHTTP = allCases.filter { $0.sftp == nil && $0 != .filesystem }

    /// How the requests look by which a call about the object `name` goes over the wire; that of an upload is the one
    /// with its bytes.
    func requests(of call: Trouble.Call, _ name: String) -> (method: String, path: String) {
        switch call {
        case .put: self == .kuboSimulator ? ("POST", "/add?") : ("PUT", "/" + name)
        case .get: self == .kuboSimulator ? ("POST", "/cat?") : ("GET", "/" + name)
        case .stat: self == .kuboSimulator ? ("POST", "/files/stat?") : ("HEAD", "/" + name)
        case .list: self == .kuboSimulator ? ("POST", "/files/ls?") : ("GET", "list-type")
        case .delete: self == .kuboSimulator ? ("POST", "/files/rm?") : ("DELETE", "/" + name)
        }
    }

    /// Opens a backend behind a proxy of its own.
    func openBehind(
        _ rules: [FaultyProxy.Rule],
        retries: Int = 3,
        meter: Meter = Meter()
    ) async throws -> (objects: any StorageService, proxy: FaultyProxy) {
        let (proxy, values): (FaultyProxy, [String: FieldValue])
        if let kind {
            let server = try await S3Server.running(kind)
            proxy = try await FaultyProxy.start(before: server.endpoint, rules)
            let bucket = try await server.sharedBucket()
            values = Self.settings(of: server, bucket: bucket, endpoint: proxy.endpoint)
        } else {
            let server = try await KuboServer.running()
            proxy = try await FaultyProxy.start(before: server.endpoint, rules)
            values = Self.settings(of: proxy.endpoint, folder: Self.newFolder())
        }
        let content = try await Self.open(type, values, retries: retries, meter: meter)
        return (try #require(content.objects), proxy)
    }

    /// The SFTP server behind it.
    private var sftp: SFTPServer.Kind? {
        switch self {
        case .sftpOverOpenSSH: .openSSH
        case .sftpOverRclone: .rclone
        default: nil
        }
    }

    /// The S3 server behind it.
    private var kind: S3Server.Kind? {
        switch self {
        case .filesystem, .kuboSimulator, .sftpOverOpenSSH, .sftpOverRclone: nil
        case .s3OverMoto: .moto
        case .s3OverRclone: .rclone
        case .s3OverRadosgw: .radosgw
        case .s3OverSeaweedfs: .seaweedfs
        }
    }

    /// The settings of a backend on a node, with a folder for its objects.
    static func settings(of endpoint: String, folder: String) -> [String: FieldValue] {
        ["api_url": .text(endpoint), "folder": .text(folder)]
    }

    /// A folder that no other trial has.
    private static func newFolder() -> String { "/kept-\(UUID().uuidString)" }

    /// Opens a backend of a type by its settings.
    static func open(
        _ type: String,
        _ values: [String: FieldValue],
        retries: Int = 3,
        timeout: Int = 30,
        rate: UInt64 = 0,
        timing: Timing = Timing(now: systemTime),
        gate: any ChangeGate = OpenGate(),
        meter: Meter = Meter()
    ) async throws -> any ContentService {
        let row = try #require(ServiceRow.named(type))
        var operational = OperationalSettings()
        operational.retryCount = retries
        operational.timeout = timeout
        operational.bandwidthLimit = ByteCount(rate)
        let context = ServiceContext(
            backend: "subject",
            type: type,
            operational: operational,
            policy: CallPolicy(backend: "subject", operational, timing: timing, gate: gate, meter: meter),
            environment: { _ in nil }
        )
        return try await row.open(values, in: context)
    }

    /// The settings of an S3 backend in a bucket of the server; small parts, so that the laws see uploads in parts.
    static func settings(
        of server: S3Server,
        bucket: String,
        endpoint: String? = nil,
        prefix: String = "kept/\(UUID().uuidString)"
    ) -> [String: FieldValue] {
        [
            "endpoint": .text(endpoint ?? server.endpoint), "region": .text(server.region), "bucket": .text(bucket),
            "prefix": .text(prefix), "access_key_id": .text(server.accessKeyID),
            "secret_access_key": .text(server.secretAccessKey), "part_size": .integer(5 << 20),
            "multipart_threshold": .integer(5 << 20),
        ]
    }

    private static let systemTime: @Sendable () -> Int64 = {
        Int64(Date().timeIntervalSince1970 * 1000)
    }
}
