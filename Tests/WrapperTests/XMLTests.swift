import Testing
import XML

struct XMLTests {
    @Test func readsNamesTextAndChildrenInOrder() throws {
        let document = """
            <?xml version="1.0" encoding="UTF-8"?>
            <D:multistatus xmlns:D="DAV:">
              <D:response><D:href>/a%20b</D:href><size>1</size></D:response>
              <D:response><D:href>/c&amp;d&#x20AC;<![CDATA[<raw>]]></D:href></D:response>
              <other/>
            </D:multistatus>
            """
        let root = try parseXML(Array(document.utf8))
        #expect(root.name == "multistatus")
        #expect(root.children.map(\.name) == ["response", "response", "other"])
        #expect(root.children(named: "response").map { $0["href"]?.text } == ["/a%20b", "/c&d€<raw>"])
        #expect(root["response"]?["size"]?.text == "1")
        #expect(root["missing"] == nil)
    }

    @Test func readsOtherEncodings() throws {
        let latin = Array("<?xml version='1.0' encoding='ISO-8859-1'?><a>".utf8) + [0xE9] + Array("</a>".utf8)
        #expect(try parseXML(latin).text == "é")
        let wide = "\u{FEFF}<a>\u{1F600}</a>".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        #expect(try parseXML(wide).text == "\u{1F600}")
    }

    @Test(arguments: [
        ("", 1), ("no xml", 1), ("<a>\n<b></a>", 2), ("<a/>\n<b/>", 2), ("<a>\n\n", 3), ("<a>\u{0}</a>", 1),
        ("<a>&unknown;</a>", 1),
    ])
    func namesTheMalformedLine(document: String, line: Int) throws {
        let error = try #require(throws: XMLError.self) { try parseXML(Array(document.utf8)) }
        #expect(error.code == .malformed(line: line))
    }

    @Test(arguments: [
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
        "<!DOCTYPE a [<!ENTITY % b SYSTEM \"file:///etc/passwd\"> %b;]><a/>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a>&b;</a>",
    ])
    func refusesEntities(document: String) throws {
        let error = try #require(throws: XMLError.self) { try parseXML(Array(document.utf8)) }
        #expect(error.code == .malformed(line: 1))
        #expect(error.message.contains("entity"))
    }

    @Test func boundsDepthElementsAndBytes() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)).utf8)
        }
        let flat = Array(("<a>" + String(repeating: "<b/>", count: 9) + "</a>").utf8)
        #expect(throws: Never.self) { try parseXML(nested(64)) }
        #expect(throws: Never.self) { try parseXML(flat, limits: XMLLimits(elements: 10, bytes: flat.count)) }
        let failures: [(XMLError.Code, [UInt8], XMLLimits)] = [
            (.tooDeep, nested(65), XMLLimits()),
            (.tooDeep, nested(1_000_000), XMLLimits()),
            (.tooLarge, flat, XMLLimits(elements: 9)),
            (.tooLarge, flat, XMLLimits(bytes: flat.count - 1)),
        ]
        for (code, document, limits) in failures {
            let error = try #require(throws: XMLError.self) { try parseXML(document, limits: limits) }
            #expect(error.code == code)
        }
    }
}
