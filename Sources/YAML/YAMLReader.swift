extension YAMLNode {
    /// Reads a text of at most one document; an empty one is null.
    ///
    /// Aliases stand for a copy of their anchor. Merge keys, keys that are not scalars, tags beyond YAML's own scalar
    /// and collection tags, and keys that are there twice are refused.
    package static func parse(_ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()) throws(YAMLError) -> YAMLNode {
        let start = YAMLMark(line: 1, column: 1)
        guard bytes.count <= limits.bytes else {
            throw YAMLError(.tooLarge, "the text has \(bytes.count) bytes; \(limits.bytes) are allowed", at: start)
        }
        try requireUTF8(bytes)
        return unsafe try bytes.withUnsafeBufferPointer { buffer throws(YAMLError) in
            var reader = YAMLReader(events: unsafe try YAMLEvents(buffer), limits: limits)
            return try reader.document() ?? YAMLNode(.scalar("", .plain), at: start)
        }
    }

    /// Reads a text of at most one document; an empty one is null.
    package static func parse(_ text: String, limits: YAMLLimits = YAMLLimits()) throws(YAMLError) -> YAMLNode {
        try parse(Array(text.utf8), limits: limits)
    }

    private static func requireUTF8(_ bytes: [UInt8]) throws(YAMLError) {
        guard String(validating: bytes, as: UTF8.self) == nil else { return }
        // The line that cannot be decoded is found by decoding each alone: line feeds are never part of a character.
        for (number, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
        where String(validating: line, as: UTF8.self) == nil {
            throw YAMLError(.notUTF8, "the text is not UTF-8", at: YAMLMark(line: number + 1, column: 1))
        }
    }
}

/// Makes nodes of events, counting what they cost.
private struct YAMLReader: ~Copyable {
    private struct Anchored {
        let node: YAMLNode
        let count: Int
        let height: Int
    }

    private var events: YAMLEvents
    private let limits: YAMLLimits
    private var anchors: [String: Anchored] = [:]
    private var count = 0
    private var deepest = 0

    init(events: consuming YAMLEvents, limits: YAMLLimits) {
        self.events = events
        self.limits = limits
    }

    /// The only document of the stream, or nil if there is none.
    mutating func document() throws(YAMLError) -> YAMLNode? {
        var document: YAMLNode?
        while true {
            let event = try events.next()
            switch event.kind {
            case .streamEnd: return document
            case .documentStart:
                guard document == nil else {
                    throw YAMLError(.severalDocuments, "a second document begins; only one is allowed", at: event.mark)
                }
                document = try node(events.next(), depth: 1)
            default: break
            }
        }
    }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLError) -> YAMLNode {
        if case .alias(let name) = event.kind { return try follow(name, depth: depth, at: event.mark) }
        let before = (count: count, deepest: deepest)
        try add(1, at: event.mark)
        try reach(depth, at: event.mark)
        deepest = depth
        let result = YAMLNode(try content(of: event, depth: depth), at: event.mark)
        if let anchor = event.anchor {
            let height = deepest - depth
            anchors[anchor] = Anchored(node: result, count: count - before.count, height: height)
        }
        deepest = max(deepest, before.deepest)
        return result
    }

    private mutating func content(of event: YAMLEvent, depth: Int) throws(YAMLError) -> YAMLNode.Content {
        switch (event.kind, event.tag) {
        case (.scalar(let text, let style), nil): return .scalar(text, style)
        case (.scalar(let text, _), "tag:yaml.org,2002:str"), (.scalar(let text, _), "!"): return .scalar(text, .quoted)
        case (.sequenceStart, nil), (.sequenceStart, "tag:yaml.org,2002:seq"): return .sequence(try items(depth))
        case (.mappingStart, nil), (.mappingStart, "tag:yaml.org,2002:map"): return .mapping(try pairs(depth))
        default: throw YAMLError(.unsupported, "the tag \(event.tag ?? "") is not supported", at: event.mark)
        }
    }

    private mutating func items(_ depth: Int) throws(YAMLError) -> [YAMLNode] {
        var items: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return items }
            items.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func pairs(_ depth: Int) throws(YAMLError) -> [YAMLPair] {
        var pairs: [YAMLPair] = []
        var seen: Set<String> = []
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return pairs }
            let keyNode = try node(event, depth: depth + 1)
            guard case .scalar(let key, let style) = keyNode.content else {
                throw YAMLError(.unsupported, "a key must be a scalar", at: event.mark)
            }
            guard key != "<<" || style == .quoted else {
                throw YAMLError(.unsupported, "merge keys (<<) are not supported", at: event.mark)
            }
            guard seen.insert(key).inserted else {
                throw YAMLError(.duplicateKey, "the key “\(key)” is there twice", at: event.mark)
            }
            let value = try node(events.next(), depth: depth + 1)
            pairs.append(YAMLPair(key, at: event.mark, value))
        }
    }

    private mutating func follow(_ name: String, depth: Int, at mark: YAMLMark) throws(YAMLError) -> YAMLNode {
        guard let anchored = anchors[name] else {
            throw YAMLError(.unknownAlias, "there is no anchor “\(name)” before this alias", at: mark)
        }
        try add(anchored.count, at: mark)
        try reach(depth + anchored.height, at: mark)
        deepest = max(deepest, depth + anchored.height)
        return YAMLNode(anchored.node.content, at: mark)
    }

    private mutating func add(_ nodes: Int, at mark: YAMLMark) throws(YAMLError) {
        count += nodes
        guard count <= limits.nodes else {
            throw YAMLError(.tooLarge, "there are more than \(limits.nodes) nodes", at: mark)
        }
    }

    private func reach(_ depth: Int, at mark: YAMLMark) throws(YAMLError) {
        guard depth <= limits.depth else {
            throw YAMLError(.tooLarge, "the nesting is deeper than \(limits.depth)", at: mark)
        }
    }
}
