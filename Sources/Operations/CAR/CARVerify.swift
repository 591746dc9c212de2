internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Checks every block of archives, and that all that their roots lead to is there.
package struct CARVerify: Operation {
    package static let name = "car verify"
    package static let summary = "Check every block of CARs, and that everything their roots lead to is there."
    package static let details = """
        The index of a CAR of version 2 is checked too: every entry leads to its block, and every block has one. Doubled \
        blocks, and blocks that no root leads to, are told and do no harm. Damage ends with 10; what cannot be checked \
        here, such as links in a codec that is not known, ends with 12, for then nobody has seen that the archive is whole.
        Example: ipfs-kit car verify photos.car
        """

    package var files: [String] = []
    package var form = ArchiveForm()

    package init() {}

    package static let fields: [Field<Self>] =
        [
            .archives(\.files)
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> CARReportOutput {
        try await CARReportOutput(files, call, form, verifies: true)
    }
}

/// Says what is in archives, without hashing their blocks.
package struct CARInspect: Operation {
    package static let name = "car inspect"
    package static let summary = "Say what is in CARs: version, roots, blocks, codecs and hash functions."
    package static let details = "Blocks are not hashed; “ipfs-kit car verify” does that."

    package var files: [String] = []
    package var form = ArchiveForm()

    package init() {}

    package static let fields: [Field<Self>] =
        [
            .archives(\.files)
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> CARReportOutput {
        try await CARReportOutput(files, call, form, verifies: false)
    }
}

extension CARReportOutput {
    /// Looks at archives; one that cannot be read keeps no other from being looked at.
    init(_ files: [String], _ call: Call, _ form: ArchiveForm, verifies: Bool) async throws(KitError) {
        try checkInputs(files)
        var rows: [Row] = []
        for file in files {
            do throws(KitError) {
                rows.append(try await kitErrors { try await Self.row(file, call, form, verifies: verifies) })
            } catch {
                guard files.count > 1, error.code != .interrupted else { throw error }
                rows.append(Row(file: file, error: error))
            }
        }
        self.init(rows: rows, isVerified: verifies)
    }

    /// How often an archive is read again for blocks that were asked for under a codec after they had gone by.
    private static let maxReviews = 8

    private static func row(
        _ file: String,
        _ call: Call,
        _ form: ArchiveForm,
        verifies: Bool
    ) async throws -> Row {
        let input = try await Input(file, call, for: .archive)
        call.progress.began(verifies ? "verify" : "inspect", bytes: input.length)
        defer { call.progress.ended() }
        var scan = form.scan(input)
        scan.limits.keepsIndex = true
        var verifier = CARVerifier()
        var extraneous: UInt64 = 0
        var container: CARContainer?
        try await scan.read(verifies: verifies) { piece in
            if let header = piece.header { verifier.add(header, piece.container) }
            for (index, section) in piece.sections.enumerated() { verifier.add(section, piece.problems[index]) }
            for (index, damage) in piece.damages.enumerated() {
                let isEnd = piece.isCut && index == piece.damages.count - 1
                verifier.note(damage.problem, damage.offset, isEnd: isEnd)
            }
            verifier.add(index: piece.index)
            (container, extraneous) = (piece.container, piece.extraneous)
            call.progress.bytes(piece.length)
        }
        var reviews = 0
        while input.isFile, reviews < maxReviews, !verifier.unread().isEmpty {
            reviews += 1
            try await scan.read(verifies: verifies) { piece in
                for (index, section) in piece.sections.enumerated() where piece.problems[index] == nil {
                    verifier.review(section)
                }
            }
        }
        return Row(file: file, report: verifier.finish(extraneous: extraneous), container: container)
    }
}
