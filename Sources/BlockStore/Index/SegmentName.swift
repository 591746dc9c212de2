/// The name of a segment: which commits it holds, by their numbers.
///
/// A segment that was merged from others holds all of theirs; one whose commits another holds too is dead.
struct SegmentName: Hashable, Sendable {
    let commits: ClosedRange<UInt64>

    init(_ commits: ClosedRange<UInt64>) { self.commits = commits }

    /// Reads the name of a file; nil for all but segments.
    init?(fileName: String) {
        guard fileName.hasSuffix(Self.ending) else { return nil }
        let parts = fileName.dropLast(Self.ending.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = UInt64(parts[0]), let last = UInt64(parts[1]), first <= last,
            last < UInt64(Int64.max)
        else { return nil }
        commits = first...last
        guard self.fileName == fileName else { return nil }
    }

    private static let ending = ".idx"

    var fileName: String {
        func padded(_ number: UInt64) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 12 - digits.count)) + digits
        }
        return padded(commits.lowerBound) + "-" + padded(commits.upperBound) + Self.ending
    }

    /// Whether all that `other` holds is in this one too.
    func covers(_ other: SegmentName) -> Bool {
        commits.lowerBound <= other.commits.lowerBound && other.commits.upperBound <= commits.upperBound
    }
}
