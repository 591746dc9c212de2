internal import CYAML

/// One event of libyaml's parser, with the place it begins at.
struct YAMLEvent {
    enum Kind {
        case documentStart, sequenceStart, sequenceEnd, mappingStart, mappingEnd, streamEnd, other
        case scalar(String, YAMLNode.Style)
        case alias(String)
    }

    let kind: Kind
    let anchor: String?
    let tag: String?
    let mark: YAMLMark
}

/// libyaml's parser over bytes that outlive it.
@safe
struct YAMLEvents: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// Starts to read; `bytes` must stay where they are for as long as this value lives.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLError) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            throw YAMLError(.tooLarge, "there is no memory to read the text", at: YAMLMark(line: 1, column: 1))
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
        unsafe self.parser = unsafe parser
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
    }

    /// The next event.
    mutating func next() throws(YAMLError) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        defer { unsafe yaml_event_delete(&event) }
        let mark = YAMLMark(unsafe event.start_mark)
        switch unsafe event.type {
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let style = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE ? YAMLNode.Style.plain : .quoted
            return unsafe YAMLEvent(
                kind: .scalar(String(decoding: bytes, as: UTF8.self), style),
                anchor: text(scalar.anchor),
                tag: text(scalar.tag),
                mark: mark
            )
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            return unsafe YAMLEvent(kind: .sequenceStart, anchor: text(start.anchor), tag: text(start.tag), mark: mark)
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            return unsafe YAMLEvent(kind: .mappingStart, anchor: text(start.anchor), tag: text(start.tag), mark: mark)
        case YAML_ALIAS_EVENT:
            let name = unsafe text(event.data.alias.anchor) ?? ""
            return YAMLEvent(kind: .alias(name), anchor: nil, tag: nil, mark: mark)
        case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, anchor: nil, tag: nil, mark: mark)
        case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, anchor: nil, tag: nil, mark: mark)
        case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, anchor: nil, tag: nil, mark: mark)
        case YAML_STREAM_END_EVENT: return YAMLEvent(kind: .streamEnd, anchor: nil, tag: nil, mark: mark)
        default: return YAMLEvent(kind: .other, anchor: nil, tag: nil, mark: mark)
        }
    }

    private func text(_ characters: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        unsafe characters.map { unsafe String(cString: $0) }
    }

    private func problem() -> YAMLError {
        let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "the text cannot be read"
        let context = unsafe parser.pointee.context.map { unsafe " (" + String(cString: $0) + ")" } ?? ""
        return YAMLError(.syntax, problem + context, at: YAMLMark(unsafe parser.pointee.problem_mark))
    }
}

extension YAMLMark {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}
