import HTTPTypes
import MinimoAPI
import MinimoTesting
import Testing
import Wire

/// What a client may store, and what is refused before it is accepted instead of failing later.
@Suite struct BoundsTests {
    @Test(arguments: TestEngine.allCases)
    func aContactDoesNotGrowWithoutEnd(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let created = try await client.send(.post, "/v1/contacts", #"{"email":"a@example.com"}"#)
            let path = "/v1/contacts/\(created["id"]?.stringValue ?? "")"
            let large = String(repeating: "x", count: 200 << 10)
            #expect(try await client.send(.patch, path, #"{"customFields":{"a":"\#(large)"}}"#).status == 200)
            let more = try await client.send(.patch, path, #"{"customFields":{"b":"\#(large)"}}"#)
            #expect(more.code == "validation_error")
            #expect(more["error", "details", "field"] == "customFields")
            #expect(try await client.send(.get, path)["customFields"]?.objectValue?.contains("b") == false)

            func tags(_ range: Range<Int>) -> String { range.map { "\"t\($0)\"" }.joined(separator: ",") }
            #expect(try await client.send(.patch, path, #"{"tags":[\#(tags(0..<250))]}"#).status == 200)
            let added = try await client.send(.patch, path, #"{"addTags":[\#(tags(250..<251))]}"#)
            #expect(added["error", "details", "field"] == "addTags")
            #expect(try await client.send(.patch, path, #"{"addTags":["t1"],"removeTags":["t2"]}"#).status == 200)
        }
    }

    /// Removing many members at once takes one pass: it would not end in time if each removal cost a pass of its own.
    @Test func manyMembersAreRemovedInOnePass() async throws {
        try await APIFixture.run(.sqlite) { _, client in
            func fields(_ value: String) -> String { (0..<15_000).map { "\"k\($0)\":\(value)" }.joined(separator: ",") }
            _ = try await client.send(
                .post, "/v1/contacts", #"{"email":"a@example.com","customFields":{\#(fields("1"))}}"#)
            let emptied = try await client.send(
                .post, "/v1/contacts", #"{"email":"a@example.com","customFields":{\#(fields("null"))}}"#)
            #expect(emptied["customFields"] == .object(JSONObject()))
        }
    }

    @Test(arguments: [
        (#""metadata":{"a":"\#(String(repeating: "x", count: 17 << 10))"}"#, "metadata"),
        (#""attachments":[{"filename":"a.pdf","contentType":"pdf","content":"AAAA"}]"#, "attachments"),
        (#""attachments":[{"filename":"a.eml","contentType":"message/rfc822","content":"AAAA"}]"#, "attachments"),
        (
            #""attachments":[{"filename":"a.pdf","contentType":"application/pdf","content":"A"}]"#,
            "attachments[0].content"
        ),
        (
            #""attachments":[{"filename":"a.pdf","contentType":"application/pdf","content":"AAAA","contentId":"a b"}]"#,
            "attachments"
        ),
        (#""headers":{"X-Long":"\#(String(repeating: "x", count: 998))"}"#, "headers"),
        (#""headers":{"DKIM-Signature":"x"}"#, "headers.DKIM-Signature"),
        (#""cc":["not an address"]"#, "cc[0]"),
        (#""scheduledAt":"tomorrow""#, "scheduledAt"),
    ])
    func whatCannotBeSentIsRefused(_ member: String, _ field: String) async throws {
        try await APIFixture.run(.sqlite) { _, client in
            let template = try await client.send(
                .post, "/v1/templates/email", #"{"name":"T","subject":"S","text":"x"}"#)
            let answer = try await client.send(
                .post, "/v1/templates/email/send",
                #"{"templateId":"\#(template["id"]?.stringValue ?? "")","recipient":"a@example.com",\#(member)}"#)
            #expect(answer.status == 422, "\(answer.text.prefix(300))")
            #expect(answer["error", "details", "field"]?.stringValue == field, "\(answer.text.prefix(300))")
        }
    }

    @Test func copiesHeadersAndAttachmentsAreAccepted() async throws {
        try await APIFixture.run(.sqlite) { _, client in
            let template = try await client.send(
                .post, "/v1/templates/email", #"{"name":"T","subject":"S","text":"x"}"#)
            let answer = try await client.send(
                .post, "/v1/templates/email/send",
                """
                {"templateId":"\(template["id"]?.stringValue ?? "")","recipient":"a@example.com","cc":["B <b@example.com>"],
                 "bcc":["c@example.com"],"replyTo":"R <r@example.com>","from":"A <a@acme.example>","headers":{"X-Order":"1"},
                 "attachments":[{"filename":"a.txt","contentType":"text/plain","content":"aGVsbG8=","contentId":"a@b"}],
                 "scheduledAt":"2099-01-01T00:00:00Z"}
                """)
            #expect(answer.status == 200, "\(answer.text)")
            let read = try await client.send(.get, "/v1/messages/\(answer["id"]?.stringValue ?? "")")
            #expect(read["status"] == "scheduled")
            #expect(read["scheduledAt"] == "2099-01-01T00:00:00Z")
            #expect(read["from"] == "A <a@acme.example>")
        }
    }
}
