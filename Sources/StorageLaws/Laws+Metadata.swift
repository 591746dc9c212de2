internal import Samples
internal import Storage

extension Law {
    /// What is kept beside the bytes of an object.
    static let metadata: [Law] = [
        Law("metadata is kept beside the bytes, and is none of them", needs: .metadata) {
            (subject) async throws(LawViolation) in
            let bytes = sampleBytes(300)
            // By one request, and in parts.
            for (text, bytes) in [("object", bytes), ("long", sampleBytes(subject.boundary + 1))] {
                let name = try subject.name(text)
                try await subject.store(name, bytes, with: labels)
                try await subject.expectHolds(name, bytes, "After storing it with metadata")
                try await subject.expectMetadata(labels, of: name, "After storing it with metadata")
            }
            let bare = try subject.name("bare")
            try await subject.store(bare, bytes)
            try await subject.expectMetadata([:], of: bare, "After storing it without metadata")
        },
        Law("an object that is stored again has the metadata of the last time alone", needs: .metadata) {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            for (round, values) in [labels, ["other": "2"], [:], ["key": "3"]].enumerated() {
                let bytes = sampleBytes(100, seed: UInt64(round))
                try await subject.store(name, bytes, with: values)
                try await subject.expectHolds(name, bytes, "After storing it for time \(round + 1)")
                try await subject.expectMetadata(values, of: name, "After storing it for time \(round + 1)")
            }
            try await subject.remove(name)
            try await subject.store(name, [1])
            try await subject.expectMetadata([:], of: name, "After it was removed and stored again")
        },
    ]

    private static let labels = ["key": "value", "a-2nd": "x=1; y=\"2\", %20 + (three) four", "0": "0"]
}

extension LawSubject {
    fileprivate func store(
        _ name: ObjectName,
        _ bytes: [UInt8],
        with values: [String: String]
    ) async throws(LawViolation) {
        var body = Body(bytes)
        guard let metadata = try? ObjectMetadata(values) else {
            throw LawViolation("What was to be kept beside \(name) is no metadata; the law itself is wrong.")
        }
        body.metadata = metadata
        try await store(name, body)
    }

    fileprivate func expectMetadata(
        _ values: [String: String],
        of name: ObjectName,
        _ moment: String
    ) async throws(LawViolation) {
        guard let found = try await stat(name).metadata else {
            throw LawViolation("\(moment), the service says nothing of the metadata of \(name).")
        }
        func told(_ values: [String: String]) -> String {
            values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        }
        try expect(
            found == values,
            "\(moment), \(name) has the metadata “\(told(found))”, where “\(told(values))” was stored."
        )
    }
}
