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
