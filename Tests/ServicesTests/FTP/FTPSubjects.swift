import StorageLaws
import TestKit

extension Subject {
    static let ftp = [ftpOverTLS, ftpOverVsftpd, ftpOverPython, ftpOverRclone]

    /// Nothing stands between us and the server's disk that could go wrong; nothing is computed or counted there.
    private static let least = impossible(wireTroubles).union([
        "The service lacks what it takes: digest.", "The service lacks what it takes: digest, list.",
        "The service lacks what it takes: usage.",
    ])
    /// A file of today has no time of its own where times cannot be set.
    private static let unversioned = least.union(["The service has no versions."])
    /// A name with a line feed makes two lines of a list, as these servers write it.
    private static let written = ["foreign names are passed over in lists": ["has a line that is none"]]

    private static let ftpOverTLS = over(
        .vsftpdOverTLS,
        name: "ftpOverTLS",
        exceptions: unversioned,
        weaknesses: written
    )
    private static let ftpOverVsftpd = over(
        .vsftpd,
        name: "ftpOverVsftpd",
        exceptions: unversioned,
        weaknesses: written
    )
    /// It calls everything a file that is no folder.
    private static let ftpOverPython = over(
        .pyftpdlib,
        name: "ftpOverPython",
        exceptions: least.union(["There can be nothing but objects here."]),
        weaknesses: written
    )
    /// It keeps what it knows of directories for a while, and gives the bytes of one file to the length of another
    /// while that takes its place: Python's ftplib saw that four times in 69 reads beside 300 replacements, and 551
    /// twice.
    private static let ftpOverRclone = over(
        .rclone,
        name: "ftpOverRclone",
        exceptions: unversioned.union(impossible([.losesPlace])).union(
            Stray.allCases.map { "Nobody can leave \($0.rawValue) here." } + ["There can be nothing but objects here."]
        ),
        weaknesses: ["a reader during a replacement sees the old or the new": ["never stored", "with 551"]]
    )

    private static func over(
        _ kind: FTPServer.Kind,
        name: String,
        exceptions: Set<String>,
        weaknesses: [String: [String]] = [:]
    ) -> Subject {
        Subject(
            name: name,
            type: "ftp",
            boundary: 256 << 10,
            exceptions: exceptions,
            weaknesses: weaknesses,
            open: {
                let server = try await FTPServer.running(kind)
                return try await open("ftp", server.settings(for: try server.newFolder()))
            },
            openTroubled: {
                let server = try await FTPServer.running(kind)
                let folder = try server.newFolder()
                let content = try await open("ftp", server.settings(for: folder), retries: 1)
                var troubles = DirectoryTroubles(root: folder, isSeenAtOnce: kind != .rclone)
                troubles.hasPipes = kind != .pyftpdlib
                return (content, troubles)
            }
        )
    }
}
