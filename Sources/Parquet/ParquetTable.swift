/// A whole Parquet file in memory.
package struct ParquetTable: Sendable {
    /// One column with its name.
    package struct Column: Sendable {
        /// The name.
        package let name: String

        /// The values of all rows.
        package let values: ParquetValues
    }

    /// How many rows the file has.
    package let rowCount: Int

    /// The columns, in the order of the file.
    package let columns: [Column]

    /// The pairs in the file's footer.
    package let metadata: [String: String]

    /// The values of the first column of that name.
    package subscript(name: String) -> ParquetValues? {
        columns.first { $0.name == name }?.values
    }
}
