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

    /// A prefix is whatever the document says that it is, where it says so.
    @Test func prefixesStandForNamespaces() throws {
        let document =
            "<a xmlns='u:1' xmlns:p='u:2'><b/><p:b/><c xmlns=''><d xml:lang='de'/></c><p:b xmlns:p='u:3'/></a>"
        let root = try parseXML(Array(document.utf8))
        #expect(root.space == "u:1" && root.children.map(\.space) == ["u:1", "u:2", "", "u:3"])
        #expect(root.children(named: "b", in: "u:2").count == 1 && root.children(named: "b").count == 3)
        #expect(root["c"]?["d"]?.space == "")
        for broken in ["<p:a/>", "<a p:b='c'/>", "<a xmlns:p=''/>", "<a:b:c xmlns:a='u'/>"] {
            #expect(throws: XMLError.self, "\(broken)") { try parseXML(Array(broken.utf8)) }
        }
    }

    @Test func childrenThatArePassedOnAreNotKept() throws {
        let document = "<list><row><id>1</id></row><end/><row><row>inner</row></row><other><row/></other></list>"
        var rows: [XMLElement] = []
        let root = try parseXML(Array(document.utf8), passing: "row") { rows.append($0) }
        #expect(rows.map { $0["id"]?.text } == ["1", nil] && rows[1]["row"]?.text == "inner")
        #expect(root.children.map(\.name) == ["end", "other"] && root["other"]?["row"] != nil)
    }

    /// Whatever encoding a document asks for, it is read as UTF-8, as all services write.
    @Test func otherEncodingsAreRefused() throws {
        let latin = Array("<?xml version='1.0' encoding='ISO-8859-1'?><a>".utf8) + [0xE9] + Array("</a>".utf8)
        #expect(throws: XMLError.self) { try parseXML(latin) }
        for text in ["\u{FEFF}<a>\u{1F600}</a>", "<a/>", "<?xml version='1.0' encoding='UTF-16'?><a/>"] {
            let wide = text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            let narrow = text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
            #expect(throws: XMLError.self) { try parseXML(wide) }
            #expect(throws: XMLError.self) { try parseXML(narrow) }
        }
        for name in ["ISO-8859-1", "UTF-16", "US-ASCII", "windows-1252", "none"] {
            let document = "<?xml version='1.0' encoding='\(name)'?><a>é</a>"
            #expect(try parseXML(Array(document.utf8)).text == "é")
        }
        #expect(try parseXML([0xEF, 0xBB, 0xBF] + Array("<a>é</a>".utf8)).text == "é")
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
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a>&b;</a>", "<!DOCTYPE html><html/>",
        "<!DOCTYPE a [<!ATTLIST a b CDATA \"c\">]><a/>",
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

    @Test(arguments: [
        "<a %>", "<a><!-- ' --><b %/></a>", "<a><![CDATA[ \" < ]]><b %/></a>", "<a><?p '\"?><b %/></a>",
        "<a q='>' r=\">'\"><b %/></a>", "<a>\"<b %/></a>", "<a>'</a><!-- \" --><b %>",
    ])
    func boundsAttributes(_ document: String) throws {
        func attributes(_ count: Int) -> [UInt8] {
            Array(document.replacing("%", with: (0..<count).map { "x\($0)=\"'>=\"" }.joined(separator: " ")).utf8)
        }
        let error = try #require(throws: XMLError.self) { try parseXML(attributes(65)) }
        #expect(error.code == .tooLarge)
        #expect(error.message.contains("attributes"))
        let isWhole = document.hasSuffix("</a>")
        if isWhole { #expect(throws: Never.self) { try parseXML(attributes(60)) } }
    }

    @Test func hugeTagsAreRefusedAtOnce() {
        let many = (0..<50_000).map { "a\($0)=''" }.joined(separator: " ")
        #expect(throws: XMLError.self) { try parseXML(Array("<a \(many)/>".utf8)) }
        #expect(throws: XMLError.self) { try parseXML(Array(String(repeating: "<", count: 1_000_000).utf8)) }
        #expect(throws: XMLError.self) { try parseXML(Array(String(repeating: "<!--", count: 200_000).utf8)) }
    }

    /// A handler that stops the parser while it works: each of them did not end well with some release of Expat.
    @Test(arguments: [
        "<a><b><c><d><e/></d></c></b></a>", "<a>\(String(repeating: "<b/>", count: 100))</a>",
        "<a>&b;</a>", "<!DOCTYPE a [<!ENTITY b \"c\"><!ENTITY d \"&b;&b;\">]><a>&d;</a>",
        "<!DOCTYPE a SYSTEM \"x\" [<!ENTITY % e SYSTEM \"y\">%e;]><a/>",
    ])
    func aParserThatIsStoppedInAHandlerEndsWell(_ document: String) {
        for _ in 0..<100 {
            #expect(throws: XMLError.self) {
                try parseXML(Array(document.utf8), limits: XMLLimits(depth: 3, elements: 50))
            }
        }
    }

    @Test func aLongListingIsRead() throws {
        let row = "<Contents><Key>cars/x.car</Key><Size>1</Size><ETag>&quot;e&quot;</ETag></Contents>"
        let document = "<ListBucketResult>\(String(repeating: row, count: 5_000))</ListBucketResult>"
        #expect(try parseXML(Array(document.utf8)).children.count == 5_000)
    }
}
