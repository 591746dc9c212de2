internal import POSIX
internal import Schema
internal import Storage

/// What a test or a trial left on a backend that lets nothing be removed: the next one uses its names again, and leaves
/// no more.
///
/// One at a time does: of two that store under one name, each would find what the other stored.
final class LastingRemains: Sendable {
    /// The words in the names that are to be used; nil where nothing is known to be left, or somebody uses it now.
    let words: String?
    private let kind: KeptAnswers.Kind
    private let backend: String
    private let kit: Kit
    private let lock: File?

    /// What is left on a backend, for as long as this lives.
    init(_ kind: KeptAnswers.Kind, on backend: String, in kit: Kit) async {
        (self.kind, self.backend, self.kit) = (kind, backend, kit)
        let path = "\(kit.home.path)/locks/\(kind.rawValue)-\(backend)"
        let file = try? File.ofLock(path)
        lock = (try? file?.tryLock()) == true ? file : nil
        guard lock != nil, let settings = try? kit.backend(backend), let kept = await kit.kept(kind, of: settings),
            let words = kept.answer["words"]?.string, ObjectName(words) != nil, !words.contains("/")
        else {
            self.words = nil
            return
        }
        self.words = words
    }

    /// Notes what is left now; nil where nothing is any more.
    func note(_ words: String?) async {
        guard words ?? self.words != nil, lock != nil else { return }
        // What is still there is noted anew: notes have an end.
        guard let words else { return await kit.forgetAnswers([kind], of: backend) }
        // What cannot be noted is left anew by the next one.
        guard let settings = try? kit.backend(backend), let expected = await kit.expect(kind, of: settings) else {
            return
        }
        expected.keep(["words": .string(words)])
    }
}
