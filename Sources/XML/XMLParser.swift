internal import CExpat

/// The root element of a document in UTF-8; throws when it is not well-formed, uses a prefix that stands for no
/// namespace, declares a document type or entities, or breaks a limit.
///
/// Nothing outside `bytes` is ever read: external entities are refused, not fetched. Whatever encoding the document
/// asks for is not listened to: no service writes another one, and other ways through the parser are those with the
/// defects.
///
/// Children of the root that have the name `passedOn` are given to `take` one by one, and are not in what is returned:
/// of a long list no tree is made.
package func parseXML(
    _ bytes: [UInt8],
    limits: XMLLimits = XMLLimits(),
    passing passedOn: String? = nil,
    to take: (XMLElement) -> Void = { _ in }
) throws(XMLError) -> XMLElement {
    guard bytes.count <= min(limits.bytes, Int(Int32.max)) else {
        throw XMLError(code: .tooLarge, message: "The XML document has more than \(limits.bytes) bytes.")
    }
    // The parser believes a byte order mark whatever it was told, and in UTF-16 each `<` comes with a zero.
    guard !bytes.starts(with: [0xFE, 0xFF]), !bytes.starts(with: [0xFF, 0xFE]), !bytes.prefix(4).contains(0) else {
        throw XMLError(code: .malformed(line: 1), message: "Line 1 of the XML document is malformed: it is not UTF-8.")
    }
    // The parser compares each attribute with all others before anybody is asked.
    guard maxAttributes(in: bytes) <= limits.attributes else {
        let message = "An element of the XML document has more than \(limits.attributes) attributes."
        throw XMLError(code: .tooLarge, message: message)
    }
    guard let parser = unsafe XML_ParserCreateNS("UTF-8", XML_Char(bitPattern: 0x0A)) else {
        throw XMLError(code: .tooLarge, message: "There is no memory for an XML parser.")
    }
    defer { unsafe XML_ParserFree(parser) }
    return try withoutActuallyEscaping(take) { (take) throws(XMLError) in
        let builder = XMLBuilder(limits: limits, passing: passedOn, to: take)
        unsafe install(builder, in: parser)
        let status = unsafe bytes.withUnsafeBytes { buffer in
            unsafe XML_Parse(
                parser,
                buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                Int32(buffer.count),
                Int32(1)
            )
        }
        return try unsafe outcome(of: builder, parser, limits, isWhole: status == XML_STATUS_OK)
    }
}

/// The root that was built; throws why there is none.
private func outcome(
    of builder: XMLBuilder,
    _ parser: XML_Parser,
    _ limits: XMLLimits,
    isWhole: Bool
) throws(XMLError) -> XMLElement {
    let line = unsafe Int(XML_GetCurrentLineNumber(parser))
    try throwRefusal(of: builder, limits: limits, line: line)
    guard isWhole, let root = builder.root else {
        let reason = unsafe XML_ErrorString(XML_GetErrorCode(parser)).map { unsafe String(cString: $0) }
        throw XMLError(
            code: .malformed(line: line),
            message: "Line \(line) of the XML document is malformed: \(reason ?? "no element")."
        )
    }
    return root
}

private func throwRefusal(of builder: XMLBuilder, limits: XMLLimits, line: Int) throws(XMLError) {
    switch builder.refusal {
    case nil: return
    case .tooDeep:
        throw XMLError(code: .tooDeep, message: "The XML document has more than \(limits.depth) levels of elements.")
    case .tooManyElements:
        throw XMLError(code: .tooLarge, message: "The XML document has more than \(limits.elements) elements.")
    case .documentType:
        throw XMLError(
            code: .malformed(line: line),
            message: "Line \(line) of the XML document declares a document type, as for an entity, which is refused."
        )
    case .entities:
        throw XMLError(
            code: .malformed(line: line),
            message: "Line \(line) of the XML document declares or uses an entity of its own, which is refused."
        )
    }
}

/// Joins the parser's events to the builder, which must outlive the parse.
private func install(_ builder: XMLBuilder, in parser: XML_Parser) {
    unsafe XML_SetUserData(parser, Unmanaged.passUnretained(builder).toOpaque())
    // The handlers get the parser itself as context, so that they can stop it.
    unsafe XML_UseParserAsHandlerArg(parser)
    unsafe XML_SetElementHandler(
        parser,
        { context, name, _ in
            guard let name = unsafe name else { return }
            unsafe withBuilder(context) { builder in unsafe builder.start(String(cString: name)) }
        },
        { context, _ in unsafe withBuilder(context) { builder in builder.end() } }
    )
    unsafe XML_SetCharacterDataHandler(parser) { context, text, length in
        let bytes = unsafe UnsafeRawBufferPointer(start: text, count: Int(length))
        unsafe withBuilder(context) { builder in unsafe builder.characters(bytes) }
    }
    unsafe XML_SetStartDoctypeDeclHandler(parser) { context, _, _, _, _ in
        unsafe withBuilder(context) { builder in builder.refuse(.documentType) }
    }
    unsafe XML_SetEntityDeclHandler(parser) { context, _, _, _, _, _, _, _, _ in
        unsafe withBuilder(context) { builder in builder.refuse(.entities) }
    }
    unsafe XML_SetSkippedEntityHandler(parser) { context, _, _ in
        unsafe withBuilder(context) { builder in builder.refuse(.entities) }
    }
    unsafe XML_SetExternalEntityRefHandler(parser) { parser, _, _, _, _ in
        unsafe withBuilder(UnsafeMutableRawPointer(parser)) { builder in builder.refuse(.entities) }
        return Int32(0)
    }
}

private func withBuilder(_ context: UnsafeMutableRawPointer?, _ event: (XMLBuilder) -> Void) {
    guard let context = unsafe context else { return }
    let parser = OpaquePointer(context)
    // Expat keeps the user data as the first field of its parser, behind this macro.
    guard let data = unsafe shim_user_data(parser) else { return }
    let builder = unsafe Unmanaged<XMLBuilder>.fromOpaque(data).takeUnretainedValue()
    event(builder)
    if builder.refusal != nil { unsafe XML_StopParser(parser, XML_Bool(0)) }
}
