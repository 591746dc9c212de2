/// One element of a parsed document: its name, the text directly inside it, and its children in order.
package struct XMLElement: Sendable, Equatable {
    /// The local name: what follows the namespace prefix.
    package let name: String
    /// The name of the namespace that the prefix stands for; empty for none.
    package let space: String
    /// The character data directly inside this element, joined, with its white space.
    package let text: String
    /// The child elements, in document order.
    package let children: [XMLElement]

    /// An element made of its parts.
    package init(name: String, space: String = "", text: String = "", children: [XMLElement] = []) {
        self.name = name
        self.space = space
        self.text = text
        self.children = children
    }

    /// The first child with this local name.
    package subscript(name: String) -> XMLElement? {
        children.first { $0.name == name }
    }

    /// All children with this local name, in document order.
    package func children(named name: String) -> [XMLElement] {
        children.filter { $0.name == name }
    }

    /// All children with this local name in one namespace, in document order.
    package func children(named name: String, in space: String) -> [XMLElement] {
        children.filter { $0.name == name && $0.space == space }
    }
}
