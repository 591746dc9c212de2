internal import Samples

/// Damaged copies of an input, the same ones in every run.
public struct Mutations {
    private static let numbers: [[UInt8]] = [
        [0], [0x7F], [0x80], [0xFF], [0x80, 0x01], [0xFF, 0xFF, 0xFF, 0x7F],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0, 0, 0, 0, 0x80],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x9B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    ]

    private let original: [UInt8]
    private var numbers: SeededNumbers

    /// Starts with the first copy; `seed` decides all that follow.
    public init(of original: [UInt8], seed: UInt64) {
        self.original = original
        numbers = SeededNumbers(seed: seed)
    }

    /// The next copy, damaged in one to four places.
    public mutating func next() -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &numbers) { damage(&bytes) }
        return bytes
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &numbers)
        let range = place..<min(bytes.count, place + Int.random(in: 1...16, using: &numbers))
        switch Int.random(in: 0..<8, using: &numbers) {
        case 0: if place < bytes.count { bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers) }
        case 1: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &numbers) }
        case 2: bytes.removeSubrange(range)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &numbers), at: place)
        case 4: bytes.insert(contentsOf: Array(bytes[range]), at: place)
        case 5:
            let number = Self.numbers[Int.random(in: 0..<Self.numbers.count, using: &numbers)]
            bytes.replaceSubrange(place..<min(bytes.count, place + number.count), with: number)
        case 6: splice(&bytes, at: place)
        default: if Int.random(in: 0..<4, using: &numbers) == 0 { bytes.removeSubrange(place...) }
        }
    }

    /// Puts bytes of the original over others of the copy.
    private mutating func splice(_ bytes: inout [UInt8], at place: Int) {
        let start = Int.random(in: 0...original.count, using: &numbers)
        let end = min(original.count, start + Int.random(in: 1...64, using: &numbers))
        bytes.replaceSubrange(place..<min(bytes.count, place + end - start), with: original[start..<end])
    }
}
