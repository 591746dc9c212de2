package import Storage

extension ServiceRow {
    /// Every type of backend, one row for each folder of this module.
    package static let all: [ServiceRow] = [
        ServiceRow(Aria2.self),
        ServiceRow(External.self),
        ServiceRow(FTP.self),
        ServiceRow(IPFSCluster.self),
        ServiceRow(Kubo.self),
        ServiceRow(LocalDirectory.self),
        ServiceRow(PinningService.self),
        ServiceRow(S3.self),
        ServiceRow(SFTP.self),
        ServiceRow(SSHFS.self),
        ServiceRow(TrustlessGateway.self),
        ServiceRow(WebDAV.self),
    ]

    /// The row of a type, by its name or one of its aliases.
    package static func named(_ type: String) -> ServiceRow? {
        all.first { $0.type == type || $0.aliases.contains(type) }
    }
}
