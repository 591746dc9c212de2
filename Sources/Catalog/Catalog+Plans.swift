package import Schema
internal import SQLite

/// What an operation would do, kept to be applied once.
package struct KeptPlan: Sendable, Hashable {
    /// Chance, of 128 bits at least: whoever knows it was told it.
    package let id: String
    package let operation: String
    /// The values of its inputs, as JSON.
    package let inputs: String
    /// What it would do, as JSON; nil where that is too long to be kept.
    package let effects: String?
    /// What tells the effects from others, but for times in them.
    package let digest: [UInt8]
    /// A number that is another where the catalog had changed.
    package let generation: Int64
    /// How whoever made it came to the kit, and who that was.
    package let surface: String
    package let maker: String
    package let madeAt: Timestamp
    package let expiresAt: Timestamp
    /// When and by whom it was applied; it is not applied again, whatever came of it.
    package var appliedAt: Timestamp?
    package var appliedBy: String?
    /// How that ended; nil while it is under way, and where it was killed.
    package var code: Int64?

    package init(
        id: String = randomIdentifier() + randomIdentifier(),
        operation: String,
        inputs: String,
        effects: String?,
        digest: [UInt8],
        generation: Int64,
        surface: String,
        maker: String,
        madeAt: Timestamp,
        expiresAt: Timestamp
    ) {
        (self.id, self.operation, self.inputs, self.effects) = (id, operation, inputs, effects)
        (self.digest, self.generation, self.surface, self.maker) = (digest, generation, surface, maker)
        (self.madeAt, self.expiresAt) = (madeAt, expiresAt)
    }

    fileprivate static let columns =
        "id, operation, inputs, effects, digest, generation, surface, maker, made_at, expires_at, applied_at, applied_by, code"

    fileprivate init(_ row: borrowing Row) {
        self.init(
            id: row.text(0),
            operation: row.text(1),
            inputs: row.text(2),
            effects: row.optionalText(3),
            digest: row.optionalBytes(4) ?? [],
            generation: row.int64(5),
            surface: row.text(6),
            maker: row.text(7),
            madeAt: Timestamp(milliseconds: row.int64(8)),
            expiresAt: Timestamp(milliseconds: row.int64(9))
        )
        appliedAt = row.optionalInt64(10).map { Timestamp(milliseconds: $0) }
        (appliedBy, code) = (row.optionalText(11), row.optionalInt64(12))
    }
}

extension Catalog {
    /// The sum of the numbers that count changes of pins, backends and copies: where it is another, something changed.
    package func generation() async throws(CatalogError) -> Int64 {
        try await read { (database) throws(CatalogError) in
            let known = try database.first(
                """
                SELECT (SELECT coalesce(max(number), 0) FROM observations)
                    + (SELECT coalesce(sum(generation), 0) FROM backends)
                """
            ) { (row: borrowing Row) throws(CatalogError) in row.int64(0) }
            return try (known ?? 0) + database.number("pins_generation")
        }
    }

    /// So long after its end a plan is shown still, in milliseconds.
    private static let longestMemory: Int64 = 30 * 86_400_000
    /// No more plans than this are kept; those that can be applied no more go first, the oldest of them before all.
    private static let mostPlans = 200

    /// Keeps a plan; those that ended long ago go.
    package func add(_ plan: KeptPlan) async throws(CatalogError) {
        let time = now()
        try await write { (database) throws(CatalogError) in
            try database.change("DELETE FROM plans WHERE expires_at < ?", [.integer(time - Self.longestMemory)])
            try database.change(
                """
                DELETE FROM plans WHERE id IN (
                    SELECT id FROM plans ORDER BY applied_at IS NULL AND expires_at > ? DESC, made_at DESC, id
                    LIMIT -1 OFFSET \(Self.mostPlans - 1))
                """,
                [.integer(time)]
            )
            try database.change(
                "INSERT INTO plans(\(KeptPlan.columns)) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
                [
                    .text(plan.id), .text(plan.operation), .text(plan.inputs), .text(plan.effects), .blob(plan.digest),
                    .integer(plan.generation), .text(plan.surface), .text(plan.maker),
                    .integer(plan.madeAt.milliseconds), .integer(plan.expiresAt.milliseconds),
                ]
            )
        }
    }

    /// The plans that are kept, the newest first, without their effects.
    package func plans() async throws(CatalogError) -> [KeptPlan] {
        let columns = KeptPlan.columns.replacing(" effects,", with: " NULL,")
        return try await read { (database) throws(CatalogError) in
            try database.all("SELECT \(columns) FROM plans ORDER BY made_at DESC, id") {
                (row: borrowing Row) throws(CatalogError) in KeptPlan(row)
            }
        }
    }

    /// The plan of an identifier; nil where there is none.
    package func plan(_ id: String) async throws(CatalogError) -> KeptPlan? {
        try await read { (database) throws(CatalogError) in
            try database.first("SELECT \(KeptPlan.columns) FROM plans WHERE id = ?", [.text(id)]) {
                (row: borrowing Row) throws(CatalogError) in KeptPlan(row)
            }
        }
    }

    /// Notes that a plan is applied from now on; false for one that was before, is gone, or has expired.
    package func beginPlan(_ id: String, by applier: String) async throws(CatalogError) -> Bool {
        let time = now()
        return try await write { (database) throws(CatalogError) in
            try database.change(
                "UPDATE plans SET applied_at = ?2, applied_by = ?3 WHERE id = ?1 AND applied_at IS NULL AND expires_at > ?2",
                [.text(id), .integer(time), .text(applier)]
            ) > 0
        }
    }

    /// Forgets a plan.
    package func removePlan(_ id: String) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            try database.change("DELETE FROM plans WHERE id = ?", [.text(id)])
        }
    }

    /// Notes how the application of a plan ended.
    package func endPlan(_ id: String, code: Int64) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            try database.change("UPDATE plans SET code = ?2 WHERE id = ?1", [.text(id), .integer(code)])
        }
    }
}
