import Foundation
import TestKit
import Testing

/// A secret that can be found again in whatever form it comes out.
struct Canary: Sendable {
    /// Where it stands: `lit.secret`.
    let name: String
    /// Letters and digits that are nowhere else.
    let core: String

    /// What stands in settings and variables: characters that every way of writing texts writes in another way.
    var text: String { core + "/+=&<>\"'% " + core.reversed() }
    /// The same where a blank or a quote cannot stand.
    var plain: String { core + "/+=&%" }

    init(_ name: String) {
        self.name = name
        // The same for the same name: letters of both cases and digits, from an alphabet without those of base16.
        var state = name.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        let letters = Array("GHJKLMNPQRSTUVWXYZghjkmnpqrstuvwxyz23456789")
        var core = ""
        for _ in 0..<24 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            core.append(letters[Int((state >> 33) % UInt64(letters.count))])
        }
        self.core = core
    }

    /// What to look for, without regard to case: its parts as they are and in every form in which they may come.
    var needles: [String] {
        [core, String(core.reversed())].flatMap { word -> [String] in
            let bytes = Array(word.utf8)
            // A part of it is a leak too: half of a key is half of the work.
            var forms = [String(word.prefix(14)), String(word.suffix(14))]
            forms.append(bytes.map { hex($0) }.joined())
            forms.append(bytes.map { "%" + hex($0) }.joined())
            forms.append(bytes.map { "\\u00" + hex($0) }.joined())
            forms.append(bytes.map { "&#\($0);" }.joined())
            forms.append(bytes.map { "&#x" + hex($0) + ";" }.joined())
            // In base64 the beginning and the end depend on what stands around it.
            for shift in 0..<3 {
                let encoded = Data([UInt8](repeating: 0, count: shift) + bytes).base64EncodedString()
                forms.append(String(encoded.dropFirst(4).prefix(24)))
            }
            return forms
        }
    }

    private func hex(_ byte: UInt8) -> String { String(UInt16(byte) + 256, radix: 16).suffix(2).description }
}

/// A search for canaries in files.
struct CanarySearch: Sendable {
    private let file: String
    private let names: [String: String]

    /// Writes the needles of all canaries to a file beside what is searched.
    init(_ canaries: [Canary], in folder: String) throws {
        file = folder + "/needles"
        names = canaries.reduce(into: [:]) { names, canary in
            for needle in canary.needles { names[needle.lowercased()] = canary.name }
        }
        try write(Array(names.keys.sorted().joined(separator: "\n").utf8), to: file)
    }

    /// The canaries in the files at a path, each with the file and the form; without those below `backend_configs` and
    /// `own`, where their owner put them.
    func hits(at path: String) async throws -> [String] {
        let grep = try #require(Programs.find("grep"))
        let words = ["-riaoF", "--exclude-dir=backend_configs", "--exclude-dir=own", "-f", file, path]
        let result = try await ProcessRunner.run(grep, words, environment: ["LC_ALL": "C"])
        try #require(result.code < 2, "\(result.errorText)")
        let lines = Set(result.text.split(separator: "\n").map(String.init))
        return lines.sorted().map { line in
            let parts = line.replacingOccurrences(of: path, with: "").split(separator: ":", maxSplits: 1)
            let needle = parts.last.map { $0.lowercased() } ?? ""
            return "\(names[needle] ?? "a canary") as \(needle.prefix(20))… in \(parts.count > 1 ? parts[0] : "it")"
        }
    }
}
