import Foundation
import Samples
import TestKit

/// What happens to a file of a kit home or of a backend.
enum Damage: String, CaseIterable, Sendable {
    case flip, flips, cut, lastByte, zeros, noise, tail, empty, missing, swapped, old, doubled, renamed, folder, lacking

    /// Does it to the file at `path` below `world`, and says what was done; nil where it cannot be done to this file.
    func apply(
        to path: String,
        of world: World,
        like others: [String],
        older: [World],
        _ numbers: inout SeededNumbers
    ) throws -> String? {
        let whole = "\(world.folder)/\(path)"
        let files = FileManager.default
        guard Self.isFile(whole) else { return nil }
        switch self {
        case .flip, .flips, .cut, .lastByte, .zeros, .noise, .tail:
            var content = try bytes(at: whole)
            guard let done = change(&content, &numbers) else { return nil }
            try write(content, to: whole)
            return "\(path): \(done)"
        case .empty:
            guard try !bytes(at: whole).isEmpty else { return nil }
            try write([], to: whole)
        case .lacking:
            // What is left is an archive without a fault, but for a block that is not there.
            let content = try Data(contentsOf: URL(filePath: whole))
            guard path.hasSuffix(".car"), var parts = try? Archive.parts(content), parts.count > 2 else { return nil }
            parts.remove(at: Int.random(in: 1..<parts.count, using: &numbers))
            try parts.reduce(Data()) { $0 + $1.frame }.write(to: URL(filePath: whole))
        case .missing: try files.removeItem(atPath: whole)
        case .folder:
            try files.removeItem(atPath: whole)
            try files.createDirectory(atPath: whole, withIntermediateDirectories: false)
        case .swapped:
            let files = others.filter { $0 != path && Self.isFile("\(world.folder)/\($0)") }
            guard let other = files.randomElement(using: &numbers) else { return nil }
            let (one, two) = (try bytes(at: whole), try bytes(at: "\(world.folder)/\(other)"))
            guard one != two else { return nil }
            try write(two, to: whole)
            try write(one, to: "\(world.folder)/\(other)")
            return "\(path): swapped with \(other)"
        case .old:
            // An older file of a backend leads to the folder of that older world.
            guard Site(path) != .settings else { return nil }
            guard
                let old = older.filter({ files.fileExists(atPath: "\($0.folder)/\(path)") }).randomElement(
                    using: &numbers
                )
            else { return nil }
            var content = try bytes(at: "\(old.folder)/\(path)")
            // Settings led to the disks of their owner then as now.
            if path.hasSuffix(".yaml") {
                let text = String(decoding: content, as: UTF8.self)
                content = Array(text.replacingOccurrences(of: old.folder + "/", with: world.folder + "/").utf8)
            }
            guard try content != bytes(at: whole) else { return nil }
            try write(content, to: whole)
        case .doubled, .renamed:
            let other = Self.neighbour(of: path, &numbers)
            guard !files.fileExists(atPath: "\(world.folder)/\(other)") else { return nil }
            try files.copyItem(atPath: whole, toPath: "\(world.folder)/\(other)")
            if self == .renamed { try files.removeItem(atPath: whole) }
            return "\(path): \(rawValue) as \(other)"
        }
        return "\(path): \(rawValue)"
    }

    /// Whether there is a file: what was damaged before may be something else by now.
    private static func isFile(_ path: String) -> Bool {
        let kind = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        return kind == .typeRegular
    }

    /// Changes bytes, and says which; nil where there are none.
    private func change(_ content: inout [UInt8], _ numbers: inout SeededNumbers) -> String? {
        guard !content.isEmpty else { return nil }
        let place = Int.random(in: content.indices, using: &numbers)
        switch self {
        case .flip:
            content[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            return "a bit of byte \(place) of \(content.count)"
        case .flips:
            for _ in 0..<8 { content[Int.random(in: content.indices, using: &numbers)] ^= 0x5A }
            return "eight bytes of \(content.count)"
        case .cut:
            let length = content.count
            content.removeSubrange(place...)
            return "cut to \(place) of \(length) bytes"
        case .lastByte:
            content.removeLast()
            return "its last byte is gone"
        case .tail:
            content += numbers.bytes(Int.random(in: 1..<2000, using: &numbers))
            return "\(content.count) bytes with a tail"
        default:
            // Disks lose sectors and pages.
            let size = [512, 4096].randomElement(using: &numbers) ?? 512
            let start = place / size * size
            let end = min(start + size, content.count)
            let bytes = self == .zeros ? [UInt8](repeating: 0, count: end - start) : numbers.bytes(end - start)
            content.replaceSubrange(start..<end, with: bytes)
            return "\(rawValue) from \(start) to \(end) of \(content.count)"
        }
    }

    /// A name that a file beside this one may well have: another number where it has one.
    private static func neighbour(of path: String, _ numbers: inout SeededNumbers) -> String {
        var text = Array(path)
        let start = (text.lastIndex(of: "/") ?? -1) + 1
        let digits = text[start...].indices.filter { text[$0].isNumber }
        guard let last = digits.last, let digit = text[last].wholeNumberValue else { return path + ".old" }
        // Nothing is numbered 0.
        let others = (1...9).filter { $0 != digit }
        text[last] = Character("\(others.randomElement(using: &numbers) ?? 1)")
        return String(text)
    }
}

/// A kind of file, by where it lies.
enum Site: String, CaseIterable, Sendable {
    case catalog, wal, shm, pack, references, index, indexFile, settings, main, other, archive, snapshot, marker

    init(_ path: String) {
        let parts = path.split(separator: "/").map(String.init)
        let name = parts.last ?? ""
        if parts.first != "user" {
            self = parts.contains("cars") ? .archive : parts.contains("kits") ? .snapshot : .marker
        } else if name.hasPrefix("catalog.sqlite") {
            self =
                name.hasSuffix("-wal") ? .wal : name.hasSuffix("-shm") ? .shm : name.hasSuffix("e") ? .catalog : .other
        } else if parts.contains("packs") {
            self = name.hasSuffix(".ref") ? .references : .pack
        } else if name.hasSuffix(".idx") {
            self = .index
        } else if name.hasPrefix("pin_mappings") {
            self = .indexFile
        } else if parts.contains("backend_configs") {
            self = .settings
        } else {
            self = name == "main.yaml" ? .main : .other
        }
    }

    /// How often it is damaged, compared with others.
    var weight: Int {
        switch self {
        case .pack, .index, .archive: 3
        case .catalog, .wal, .snapshot: 2
        default: 1
        }
    }

    /// All of them, each as often as it weighs.
    static let weighted = allCases.flatMap { site in (0..<site.weight).map { _ in site } }

    /// Whether the damage is to a backend, and the home is whole.
    var isOnABackend: Bool { [.archive, .snapshot, .marker].contains(self) }
    /// Whether content and knowledge are all there without it.
    var isMadeAgain: Bool { [.index, .indexFile, .shm, .other].contains(self) }
}
