/// Builds the tree from the parser's events and stops at the first broken limit.
final class XMLBuilder {
    /// What made the builder refuse the document.
    enum Refusal {
        case tooDeep, tooManyElements, documentType, entities
    }

    private struct OpenElement {
        let name: String
        let space: String
        var text: [UInt8] = []
        var children: [XMLElement] = []
    }

    /// What stands between the name of a namespace, which has no line feeds, and a local name.
    static let separator: Character = "\n"

    private let limits: XMLLimits
    private var open: [OpenElement] = []
    private var count = 0
    private(set) var root: XMLElement?
    private(set) var refusal: Refusal?

    /// The name of the children of the root that are passed on and not kept.
    private let passedOn: String?
    private let take: (XMLElement) -> Void

    init(limits: XMLLimits, passing passedOn: String?, to take: @escaping (XMLElement) -> Void) {
        (self.limits, self.passedOn, self.take) = (limits, passedOn, take)
    }

    /// Stops the parse: nothing more is added.
    func refuse(_ refusal: Refusal) {
        self.refusal = self.refusal ?? refusal
    }

    /// Opens an element; `name` is that of its namespace, a line feed and its local name, or the latter alone.
    func start(_ name: String) {
        count += 1
        if open.count >= limits.depth { refuse(.tooDeep) }
        if count > limits.elements { refuse(.tooManyElements) }
        guard refusal == nil else { return }
        let parts = name.split(separator: Self.separator, omittingEmptySubsequences: false)
        open.append(OpenElement(name: String(parts.last ?? ""), space: String(parts.dropLast().first ?? "")))
    }

    func characters(_ bytes: some Sequence<UInt8>) {
        guard refusal == nil, !open.isEmpty else { return }
        open[open.count - 1].text.append(contentsOf: bytes)
    }

    func end() {
        guard refusal == nil, let done = open.popLast() else { return }
        let element = XMLElement(
            name: done.name,
            space: done.space,
            text: String(decoding: done.text, as: UTF8.self),
            children: done.children
        )
        if open.isEmpty {
            root = element
        } else if open.count == 1, element.name == passedOn {
            take(element)
        } else {
            open[open.count - 1].children.append(element)
        }
    }
}
