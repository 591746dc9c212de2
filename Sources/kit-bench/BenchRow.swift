/// One thing that is measured.
struct BenchRow: Sendable {
    /// The word that selects it.
    let name: String
    /// What is measured against what.
    let summary: String
    /// Measures it; the word is the name of the row.
    let measure: @Sendable (Bench, String) async throws -> [Figure]

    /// All of them, in the order in which they run.
    static let all =
        [
            BenchRow(name: "version", summary: "the start of the program", measure: measureVersion),
            BenchRow(name: "add-memory", summary: "add of one large file in memory", measure: measureAddInMemory),
            BenchRow(name: "add-disk", summary: "add of one large file on a disk", measure: measureAddOnDisk),
            BenchRow(name: "add-small", summary: "add of a tree of files of 4 KiB", measure: measureAddOfSmallFiles),
            BenchRow(name: "only-hash", summary: "the root of one large file", measure: measureOnlyHash),
            BenchRow(name: "reading", summary: "export and cat of one large file", measure: measureReading),
            BenchRow(name: "car-verify", summary: "verification of one large archive", measure: measureVerification),
            BenchRow(
                name: "import-memory",
                summary: "import of one large archive in memory",
                measure: measureImportInMemory
            ),
            BenchRow(
                name: "import-disk",
                summary: "import of one large archive on a disk",
                measure: measureImportOnDisk
            ),
            BenchRow(name: "edit", summary: "putting one file into a large directory", measure: measureEdit),
            BenchRow(name: "block-index", summary: "finding blocks among very many", measure: measureBlockIndex),
            BenchRow(
                name: "sync-small",
                summary: "first sync of pins of 64 KiB to S3",
                measure: measureSyncOfSmallPins
            ),
            BenchRow(name: "sync-large", summary: "first sync of one large pin to S3", measure: measureSyncOfLargePin),
            BenchRow(name: "sync-clean", summary: "sync of what is in step", measure: measureCleanSync),
            BenchRow(name: "recover", summary: "recovery from S3, and verification", measure: measureRecovery),
            BenchRow(name: "find", summary: "finding one among all mappings", measure: measureFind),
            BenchRow(name: "index-write", summary: "the index files, and one mapping more", measure: measureIndexFiles),
        ] + placeRows
}
