/// A place in a YAML text.
package struct YAMLMark: Sendable, Hashable {
    /// The line, from 1; 0 in a node that was not read from a text.
    package let line: Int

    /// The column in characters, from 1.
    package let column: Int

    static let none = YAMLMark(line: 0, column: 0)
}

/// One node of a YAML document, with the place it was read from.
///
/// Two nodes are equal if their content is; the place does not count.
package struct YAMLNode: Sendable {
    /// How a scalar is written, which decides whether it may be anything but text.
    package enum Style: Sendable, Hashable {
        /// Without quotes: a number, a truth value, null or text, by its looks.
        case plain

        /// In quotes or as a block: always text.
        case quoted
    }

    /// The three kinds of node.
    package indirect enum Content: Sendable, Equatable {
        case scalar(String, Style)
        case sequence([YAMLNode])
        case mapping([YAMLPair])
    }

    /// What the node holds.
    package let content: Content

    /// Where it begins.
    package let mark: YAMLMark

    init(_ content: Content, at mark: YAMLMark = .none) {
        self.content = content
        self.mark = mark
    }
}

/// A key of a mapping and its value, in the order of the text.
package struct YAMLPair: Sendable {
    /// The key.
    package let key: String

    /// Where the key begins.
    package let keyMark: YAMLMark

    /// The value.
    package let value: YAMLNode

    init(_ key: String, at mark: YAMLMark = .none, _ value: YAMLNode) {
        self.key = key
        keyMark = mark
        self.value = value
    }
}

extension YAMLNode: Equatable {
    package static func == (left: YAMLNode, right: YAMLNode) -> Bool {
        left.content == right.content
    }
}

extension YAMLPair: Equatable {
    package static func == (left: YAMLPair, right: YAMLPair) -> Bool {
        left.key == right.key && left.value == right.value
    }
}

extension YAMLNode {
    /// The null node.
    package static let null = YAMLNode(.scalar("null", .plain))

    /// A text node: whatever `value` looks like, it is read back as text.
    package static func text(_ value: String) -> YAMLNode {
        YAMLNode(.scalar(value, .quoted))
    }

    /// A whole number.
    package static func integer(_ value: Int64) -> YAMLNode {
        YAMLNode(.scalar(String(value), .plain))
    }

    /// A floating-point number.
    package static func double(_ value: Double) -> YAMLNode {
        YAMLNode(.scalar(plainText(of: value), .plain))
    }

    /// A truth value.
    package static func boolean(_ value: Bool) -> YAMLNode {
        YAMLNode(.scalar(value ? "true" : "false", .plain))
    }

    /// A list.
    package static func sequence(_ items: [YAMLNode]) -> YAMLNode {
        YAMLNode(.sequence(items))
    }

    /// A mapping whose keys keep their order; the caller sees to it that no key is there twice.
    package static func mapping(_ pairs: [(String, YAMLNode)]) -> YAMLNode {
        YAMLNode(.mapping(pairs.map { YAMLPair($0.0, $0.1) }))
    }

    /// The value of `key`, if this is a mapping that has it.
    package subscript(key: String) -> YAMLNode? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key == key }?.value
    }

    /// The items, if this is a sequence.
    package var sequence: [YAMLNode]? {
        if case .sequence(let items) = content { items } else { nil }
    }

    /// The pairs, if this is a mapping.
    package var mapping: [YAMLPair]? {
        if case .mapping(let pairs) = content { pairs } else { nil }
    }
}
