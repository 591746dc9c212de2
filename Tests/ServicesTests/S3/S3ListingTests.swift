import Digests
import HTTPClient
import Schema
import Storage
import Testing

@testable import Services

struct S3ListingTests {
    private func page(_ names: [String], _ more: String = "<IsTruncated>false</IsTruncated>") -> HTTPReply {
        let contents = names.map {
            "<Contents><Key>\($0)</Key><Size>3</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        }
        return reply(200, [:], "<ListBucketResult xmlns=\"x\">\(more)\(contents.joined())</ListBucketResult>")
    }

    private func names(_ service: S3Service) async throws -> [[String]] {
        var pages: [[String]] = []
        for try await page in service.list("a") { pages.append(page.map(\.name.text)) }
        return pages
    }

    @Test func pagesAreFollowedAndStrangersLeftOut() async throws {
        let server = ScriptedServer { (request, number) in
            number == 1
                ? page(
                    [
                        "p/a%2B", "p/a1", "p/a1", "q/a", "p/", "p/b", "p/a/../x", "p/a%00b", "p/a%1B[2J", "p/a%FF",
                        "p/a%",
                    ],
                    "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                        + "<NextContinuationToken>t/+</NextContinuationToken>"
                )
                : page(["p/a2"])
        }
        #expect(try await names(server.service(prefix: "p")) == [["a1"], ["a2"]])
        #expect(
            server.lines[1].contains(
                "continuation-token=t%2F%2B&encoding-type=url&list-type=2&max-keys=1000&prefix=p%2Fa"
            )
        )
    }

    /// Some services give as many as they have, whatever they are asked for.
    @Test func aVeryLongPageIsRead() async throws {
        let numbers = (0..<100_000).map { "a\($0)" }
        let server = ScriptedServer { (_, _) in page(numbers) }
        #expect(try await names(server.service()) == [numbers])
        let more = ScriptedServer { (_, _) in page(numbers + ["a"]) }
        #expect(await failure { _ = try await names(more.service()) }?.code == .unexpected)
    }

    @Test func anOldServiceIsFollowedByMarker() async throws {
        let server = ScriptedServer { (request, number) in
            number == 1 ? page(["a1"], "<IsTruncated>true</IsTruncated>") : page(["a2"])
        }
        #expect(try await names(server.service()) == [["a1"], ["a2"]])
        #expect(server.lines[1].contains("marker=a1") && !server.lines[1].contains("list-type"))
    }

    @Test func aServiceWithoutVersionTwo() async throws {
        let server = ScriptedServer { (request, _) in
            request.url.contains("list-type=2") ? reply(501, [:], fault("NotImplemented")) : page(["a1"])
        }
        #expect(try await names(server.service()) == [["a1"]])
    }

    @Test(arguments: [
        "<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>",
        "<IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents>",
        "<IsTruncated>true</IsTruncated>",
        "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
            + "<Contents><Key>a%</Key><Size>1</Size></Contents>",
    ])
    func aListingThatCannotBeFinishedThrows(_ more: String) async throws {
        let server = ScriptedServer { (_, _) in page([], more) }
        let service = try server.service()
        #expect(await failure { try await names(service) }?.code == .unexpected)
        #expect(server.requests.count <= 3)
    }

    @Test(arguments: [
        "", "<ListBucketResult>", "<ListBucketResult><IsTruncated>false</IsTruncated>",
        "<html><body>Log in</body></html>",
        "<html xmlns=\"http://www.w3.org/1999/xhtml\"><body/></html>", "{}", "<ListBucketResult/>",
        "<ListBucketResult><IsTruncated>perhaps</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Name>other</Name><IsTruncated>false</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Prefix>b</Prefix><IsTruncated>false</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>2</KeyCount>"
            + "<Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
            + "</ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><StartAfter>z</StartAfter></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Marker>z</Marker></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><ContinuationToken>z</ContinuationToken></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><NextMarker>z</NextMarker></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Error><Code>InternalError</Code></Error></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"
            + "</ListBucketResult>",
    ])
    func whatIsNoListingOfThisIsNoEnd(_ body: String) async throws {
        let server = ScriptedServer { (_, _) in reply(200, [:], body) }
        let service = try server.service()
        #expect(await failure { try await names(service) }?.code == .unavailable)
        let cut = ScriptedServer { (_, _) in
            reply(206, [:], "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        }
        let other = try cut.service()
        #expect(await failure { try await names(other) } != nil)
    }

    /// A server that makes up the name of the next page each time: the page before, or nothing, or one back and forth.
    @Test(arguments: [[["a1", "a2"]], [[]], [["a1"], ["a2"]], [["a1"], [], []], [["q b"]]])
    func aListingWithoutAnEndThrows(_ pages: [[String]]) async throws {
        let server = ScriptedServer { (_, number) in
            page(
                pages[number % pages.count],
                "<IsTruncated>true</IsTruncated><NextContinuationToken>\(number)</NextContinuationToken>"
            )
        }
        let service = try server.service()
        #expect(await failure { try await names(service) }?.code == .unexpected)
        #expect(server.requests.count <= 102)
    }

    @Test func someEmptyPagesAreNoEnd() async throws {
        let server = ScriptedServer { (_, number) in
            number < 90
                ? page([], "<IsTruncated>true</IsTruncated><NextContinuationToken>\(number)</NextContinuationToken>")
                : page(["a1"])
        }
        #expect(try await names(server.service()) == [["a1"]])
    }

    @Test(arguments: ["", "<Size>-1</Size>", "<Size>9223372036854775808</Size>", "<Size>much</Size>"])
    func anAbsurdSizeIsNoneAndSaysNothingOfTheOthers(_ size: String) async throws {
        let odd = "<Contents><Key>a0</Key>\(size)</Contents>"
        let server = ScriptedServer { (_, _) in page(["a1"], "<IsTruncated>false</IsTruncated>\(odd)") }
        var found: [String] = []
        for try await page in try server.service().list("a") {
            for info in page { found.append("\(info.name) \(info.length.map { "\($0)" } ?? "?")") }
        }
        #expect(found.sorted() == ["a0 ?", "a1 3"])
    }

    @Test func aForeignObjectMayHaveNoSize() async throws {
        let server = ScriptedServer { (_, _) in
            page(["a1"], "<IsTruncated>false</IsTruncated><Contents><Key>a b</Key></Contents>")
        }
        #expect(try await names(server.service()) == [["a1"]])
    }

    @Test func aFailedPageIsAskedForAgain() async throws {
        let server = ScriptedServer { (_, number) in
            switch number {
            case 1: page(["a1"], "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>")
            case 2: reply(503)
            default: page(["a2"])
            }
        }
        let cursor = StreamCursor(try server.service().list("a"))
        #expect(try await cursor.next()?.count == 1)
        #expect(await failure { try await cursor.next() }?.retry == .later)
        #expect(try await cursor.next()?.first?.name.text == "a2")
        #expect(try await cursor.next() == nil)
        #expect(server.lines[1] == server.lines[2])
    }
}
