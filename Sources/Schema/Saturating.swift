extension UInt64 {
    /// The sum, or the greatest number where it would be more than that: lengths from outside may be anything.
    package func plus(_ other: UInt64) -> UInt64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? .max : sum
    }
}
