import StorageLaws
import TestKit

extension Subject {
    static let sftp = [sftpOverOpenSSH, sftpOverRclone]

    /// Nothing stands between us and the server's disk that could go wrong, and it computes no digests.
    private static let sftpOverOpenSSH = over(
        .openSSH,
        name: "sftpOverOpenSSH",
        exceptions: impossible(wireTroubles).union(["The service lacks what it takes: digest."])
    )

    /// rclone keeps what it knows of directories for a while; told not to, version 1.75 waits for itself for ever when
    /// many ask at once.
    ///
    /// It gives the bytes of the new file under a handle of the old one, or says that those changed; and when several
    /// gave files one name, the length of one and the bytes of another, for good, while its disk has one of them whole
    /// (asyncssh saw that 19 times in 300, on a busy machine). After it refused
    /// to give a file the name of a folder, it shows both, and nothing in the folder, for a while.
    private static let sftpOverRclone = over(
        .rclone,
        name: "sftpOverRclone",
        exceptions: sftpOverOpenSSH.exceptions.union(impossible([.losesPlace])).union(
            Stray.allCases.map { "Nobody can leave \($0.rawValue) here." } + ["There can be nothing but objects here."]
        ),
        weaknesses: [
            "two writers of one name leave one of the two whole": ["was replaced while", "that none of them stored"],
            "a reader during a replacement sees the old or the new": ["was replaced while", "never stored"],
            "an object with the name of a folder of others is kept beside them, or refused": [
                "is not there, the server says"
            ],
        ]
    )

    private static func over(
        _ kind: SFTPServer.Kind,
        name: String,
        exceptions: Set<String>,
        weaknesses: [String: [String]] = [:]
    ) -> Subject {
        Subject(
            name: name,
            type: "sftp",
            boundary: 256 << 10,
            exceptions: exceptions,
            weaknesses: weaknesses,
            open: {
                let server = try await SFTPServer.running(kind)
                return try await open("sftp", server.settings(for: try server.newFolder()))
            },
            openTroubled: {
                let server = try await SFTPServer.running(kind)
                let folder = try server.newFolder()
                let content = try await open("sftp", server.settings(for: folder), retries: 1)
                return (content, DirectoryTroubles(root: folder, isSeenAtOnce: kind == .openSSH))
            }
        )
    }
}
