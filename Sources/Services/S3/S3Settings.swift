package import Schema

/// The settings of an S3 backend.
package struct S3Settings: Described {
    /// Where the bucket's name stands: in the path of a URL or in the name of the host.
    package enum Addressing: String, Sendable, FieldChoice { case auto, path, virtual }

    /// Whether the signature covers the bytes of an upload; `auto` leaves that to TLS where there is TLS.
    package enum PayloadSigning: String, Sendable, FieldChoice { case auto, signed, unsigned }

    /// How objects are locked: so that who may do more than most can lift that, or nobody can.
    package enum ObjectLock: String, Sendable, FieldChoice { case off, governance, compliance }

    /// How fast what is in an archive class is taken out of it, and how dear that is.
    package enum RestoreTier: String, Sendable, FieldChoice { case bulk, standard, expedited }

    package var endpoint = ""
    package var region = ""
    package var bucket = ""
    package var prefix = ""
    package var addressing = Addressing.auto
    /// Whether an endpoint without scheme means https.
    package var useSSL = true
    package var http = HTTPSettings()
    package var storageClass = ""
    package var restoreDays = 0
    package var restoreTier = RestoreTier.standard
    package var objectLock = ObjectLock.off
    package var lockDays = 0
    /// Whether nothing is to be removed, for the keys may not.
    package var appendOnly = false
    package var parts = PartSettings()
    package var payloadSigning = PayloadSigning.auto
    package var keys = AccessKeySettings()

    package init() {}

    package static let fields: [Field<Self>] =
        connection + HTTPSettings.fields.map { $0.of(\.http) } + PartSettings.fields.map { $0.of(\.parts) } + [signing]
        + AccessKeySettings.fields.map { $0.of(\.keys) }

    private static let connection: [Field<Self>] = [
        Field("bucket", \.bucket, help: "The bucket.", required: true, aliases: ["bucket_name", "bucketName"]),
        Field(
            "endpoint",
            \.endpoint,
            help: "The URL of the service; the vendor's own where it is left out.",
            address: true,
            aliases: ["endpoint_url", "endpointUrl", "aws_endpoint_url"]
        ),
        Field(
            "region",
            \.region,
            help: "The region, such as eu-central-1.",
            aliases: ["region_name", "aws_region", "aws_default_region"]
        ),
        Field("prefix", \.prefix, help: "What stands before all names, such as archive/.", aliases: ["key_prefix"]),
        Field("addressing", \.addressing, help: "Whether the bucket stands in the path or in the host's name."),
        Field(
            "use_ssl",
            \.useSSL,
            help: "Whether an endpoint that is given without http:// or https:// means https.",
            aliases: ["use_tls", "secure"]
        ),
        Field(
            "storage_class",
            \.storageClass,
            help: "The storage class of new objects, such as STANDARD_IA; of CARs alone where it is that of an archive."
        ),
        Field(
            "restore_days",
            \.restoreDays,
            help: "For how many days what is read from an archive class is taken out of it; 0 asks for nothing.",
            least: 0
        ),
        Field("restore_tier", \.restoreTier, help: "How fast and how dear that is."),
        Field(
            "object_lock",
            \.objectLock,
            help: "How new objects are locked against removal, in a bucket that has Object Lock; see lock_days."
        ),
        Field("lock_days", \.lockDays, help: "For how many days new objects are locked; 0 locks none.", least: 0),
        Field(
            "append_only",
            \.appendOnly,
            help: "Whether the keys may only add: then nothing is asked to be removed there, old snapshots neither."
        ),
    ]

    private static let signing = Field<Self>(
        "payload_signing",
        \.payloadSigning,
        help: "Whether signatures cover uploads, which are read twice then; auto does so only without TLS."
    )
}
