internal import IPLD
package import Schema

/// How archives are read, in the words of the command line.
package struct ArchiveForm: Described {
    package var zeroLength = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "zero_length_section_as_eof",
            \.zeroLength,
            help: "Take a section of length zero for the end of the archive, with any number of zeros behind it."
        )
    ]

    /// Reads `input` so.
    func scan(_ input: Input) -> ArchiveScan {
        var limits = CARParser.Limits()
        limits.zeroLengthEndsArchive = zeroLength
        limits.archive = input.length
        return ArchiveScan(input: input, limits: limits)
    }
}

extension Field where Root: Operation {
    /// The archive that an operation reads.
    static func archive(_ path: any WritableKeyPath<Root, String> & Sendable) -> Field {
        let help = "The CAR file, of either version; - is standard input."
        return Field("file", path, help: help, required: true, positional: true, whole: true)
    }

    /// The archives that an operation reads.
    static func archives(_ path: any WritableKeyPath<Root, [String]> & Sendable) -> Field {
        let help = "CAR files of either version; - is standard input."
        return Field("files", path, help: help, required: true, positional: true, whole: true)
    }

    /// The file that an operation makes.
    static func newFile(_ path: any WritableKeyPath<Root, String> & Sendable) -> Field {
        let help = "The file to write; nothing may be there yet. - is standard output (-o)."
        return Field("output", path, help: help, as: .path, required: true, aliases: ["o"])
    }

    /// The file that an operation makes where one is named.
    static func newFile(_ path: any WritableKeyPath<Root, String?> & Sendable) -> Field {
        let help = "The file to write; nothing may be there yet. Standard output by default, and for - (-o)."
        return Field("output", path, help: help, as: .path, aliases: ["o"])
    }
}
