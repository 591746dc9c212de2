/// How a file is opened.
package enum SFTPOpening: UInt32, Sendable {
    case read = 0x01
    /// Read and write what is there.
    case update = 0x03
    /// Write; fails where something has the name.
    case createNew = 0x2B
}

/// A request as it stands in a packet, and how to read what it is answered with.
package struct SFTPRequest<Value: Sendable>: Sendable {
    private let type: UInt8
    private let fields: [WireField]
    /// The bytes of a file that follow the fields.
    private var data: ArraySlice<UInt8> = []
    /// What a reply gives; nil where it belongs to another kind of request.
    let read: @Sendable (SFTPReply) -> Value?

    private init(_ type: UInt8, _ fields: [WireField], _ read: @escaping @Sendable (SFTPReply) -> Value?) {
        (self.type, self.fields, self.read) = (type, fields, read)
    }

    /// The pieces of the packet, which has a number that its reply repeats; the first packet of all has none.
    func packet(_ id: UInt32?) -> [ArraySlice<UInt8>] {
        var body = [type]
        if let id { body.append(.number(id)) }
        for field in fields { body.append(field) }
        var head: [UInt8] = []
        head.append(.number(UInt32(body.count + data.count)))
        head += body
        return data.isEmpty ? [head[...]] : [head[...], data]
    }
}

extension SFTPRequest<Void> {
    private init(_ type: UInt8, _ fields: WireField...) {
        self.init(type, fields) { if case .status(0, _) = $0 { () } else { nil } }
    }

    static let hello = SFTPRequest(1, .number(3))

    static func close(_ handle: [UInt8]) -> SFTPRequest { SFTPRequest(4, .bytes(handle)) }

    static func write(_ handle: [UInt8], at offset: UInt64, _ data: ArraySlice<UInt8>) -> SFTPRequest {
        var request = SFTPRequest(6, .bytes(handle), .long(offset), .number(UInt32(clamping: data.count)))
        request.data = data
        return request
    }

    static func sync(_ handle: [UInt8]) -> SFTPRequest { SFTPRequest(200, .text(SFTPFeatures.sync), .bytes(handle)) }

    /// Gives a file another time, in seconds since 1970.
    package static func setModified(_ path: String, _ seconds: UInt32) -> SFTPRequest {
        SFTPRequest(9, .text(path), .number(8), .number(seconds), .number(seconds))
    }

    /// Removes a file.
    package static func remove(_ path: String) -> SFTPRequest { SFTPRequest(13, .text(path)) }

    /// Makes a directory; fails where something has the name.
    package static func makeDirectory(_ path: String) -> SFTPRequest { SFTPRequest(14, .text(path), .number(0)) }

    /// Removes a directory in which nothing is.
    package static func removeDirectory(_ path: String) -> SFTPRequest { SFTPRequest(15, .text(path)) }

    /// Gives a file another name; fails where something has that.
    package static func rename(_ path: String, to other: String) -> SFTPRequest {
        SFTPRequest(18, .text(path), .text(other))
    }

    /// Gives a file another name in one step, in place of what has that; for servers whose features say so.
    package static func replace(_ path: String, with other: String) -> SFTPRequest {
        SFTPRequest(200, .text(SFTPFeatures.replace), .text(other), .text(path))
    }
}

extension SFTPRequest<SFTPAttributes> {
    private init(_ type: UInt8, _ field: WireField) {
        self.init(type, [field]) { if case .attributes(let found) = $0 { found } else { nil } }
    }

    /// What is said of a name, and not of what a link leads to.
    package static func lstat(_ path: String) -> SFTPRequest { SFTPRequest(7, .text(path)) }

    /// What is said of a name, or of what it leads to.
    package static func stat(_ path: String) -> SFTPRequest { SFTPRequest(17, .text(path)) }

    static func fstat(_ handle: [UInt8]) -> SFTPRequest { SFTPRequest(8, .bytes(handle)) }
}

extension SFTPRequest<[UInt8]> {
    private init(opening type: UInt8, _ fields: WireField...) {
        self.init(type, fields) { if case .handle(let handle) = $0 { handle } else { nil } }
    }

    static func open(_ path: String, _ opening: SFTPOpening) -> SFTPRequest {
        SFTPRequest(opening: 3, .text(path), .number(opening.rawValue), .number(0))
    }

    static func openDirectory(_ path: String) -> SFTPRequest { SFTPRequest(opening: 11, .text(path)) }

    static func read(_ handle: [UInt8], at offset: UInt64, count: Int) -> SFTPRequest {
        SFTPRequest(5, [.bytes(handle), .long(offset), .number(UInt32(clamping: count))]) {
            if case .data(let bytes) = $0 { bytes } else { nil }
        }
    }

    static let limits = SFTPRequest(200, [.text(SFTPFeatures.limits)]) {
        if case .extended(let bytes) = $0 { bytes } else { nil }
    }
}

extension SFTPRequest<[SFTPEntry]> {
    static func readDirectory(_ handle: [UInt8]) -> SFTPRequest {
        SFTPRequest(12, [.bytes(handle)]) { if case .names(let page) = $0 { page } else { nil } }
    }
}

extension SFTPRequest<SFTPSpace> {
    /// How much room there is where a path lies; for servers whose features say so.
    package static func space(_ path: String) -> SFTPRequest {
        SFTPRequest(200, [.text(SFTPFeatures.space), .text(path)]) {
            if case .extended(let bytes) = $0 { SFTPSpace(bytes) } else { nil }
        }
    }
}
