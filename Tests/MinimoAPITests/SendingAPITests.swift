import HTTPTypes
import MinimoAPI
import MinimoCore
import MinimoTesting
import SQLDatabase
import Testing
import Wire

/// Contract 10.3, 10.4 and 10.6.
@Suite struct SendingAPITests {
    private func makeTemplate(_ client: APIClient, _ body: String, key: String? = nil) async throws -> String {
        let answer = try await client.send(.post, "/api/templates/email", body, key: key)
        #expect(answer.status == 201, "\(answer.text)")
        return answer["id"]?.stringValue ?? ""
    }

    @Test(arguments: TestEngine.allCases)
    func templatesHaveVersions(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let created = try await client.send(
                .post, "/api/templates/email",
                #"{"name":"T","subject":"Hi {{firstName}}","preheader":"p {{a.b}}","html":"<p>{{x | default: \"y\"}}</p>","text":"{{firstName}} {{UNSUBSCRIBE_URL}}"}"#
            )
            #expect(created.status == 201)
            let id = created["id"]?.stringValue ?? ""
            #expect(created.headers[.location] == "/api/templates/email/\(id)")
            #expect(
                created.json.objectValue?.keys.map { $0 } == [
                    "id", "name", "subject", "preheader", "html", "text", "category", "status", "variables", "version",
                    "createdAt", "updatedAt",
                ])
            #expect(created["variables"] == ["firstName", "a.b", "x"])
            #expect(created["category"] == "transactional")
            #expect(created["status"] == "active")
            #expect(created["version"] == 1)
            #expect(try await client.send(.get, "/v1/templates/email/\(id)").text == created.text)

            let renamed = try await client.send(.patch, "/v1/templates/email/\(id)", #"{"name":"U"}"#)
            #expect(renamed["version"] == 1)
            let changed = try await client.send(
                .put, "/api/templates/email/\(id)", #"{"text":null,"html":"<b>{{z}}</b>","status":"draft"}"#)
            #expect(changed["version"] == 2)
            #expect(changed["text"] == .null)
            #expect(changed["variables"] == ["firstName", "a.b", "z"])
            let none = try await client.send(.put, "/api/templates/email/\(id)", #"{"html":null}"#)
            #expect(none.code == "validation_error")

            let list = try await client.send(.get, "/api/templates/email")
            #expect(list["data", "0", "id"]?.stringValue == id)
            #expect(list["data", "0"]?.objectValue?.contains("html") == false)
            #expect(list["data", "0"]?.objectValue?.contains("text") == false)
            #expect(
                try await client.send(.delete, "/api/templates/email/\(id)").text == #"{"id":"\#(id)","deleted":true}"#)
            #expect(try await client.send(.get, "/api/templates/email/\(id)").status == 404)
        }
    }

    @Test(arguments: [TestEngine.sqlite])
    func syntaxErrorsHaveLineAndColumn(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let answer = try await client.send(
                .post, "/api/templates/email", #"{"name":"T","subject":"S","text":"one\ntwo {{#open}} three"}"#)
            #expect(answer.status == 422)
            #expect(answer.code == "validation_error")
            #expect(answer["error", "details"] == ["field": "text", "line": 2, "column": 5])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func rendersAsItSends(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let id = try await makeTemplate(
                client,
                #"{"name":"T","subject":"Hi {{firstName}}","html":"<p>{{company}} {{order}}</p>","text":"{{FIRSTNAME}}"}"#
            )
            let contact = try await client.send(
                .post, "/v1/contacts", #"{"email":"a@example.com","firstName":"Jane","customFields":{"company":"A&B"}}"#
            )
            let preview = try await client.send(
                .post, "/api/templates/email/\(id)/render", #"{"contactId":"\#(contact["id"]?.stringValue ?? "")"}"#)
            #expect(
                preview.text == #"{"subject":"Hi Jane","html":"<p>A&amp;B </p>","text":"Jane","missing":["order"]}"#)
            let refused = try await client.send(
                .post, "/api/templates/email/send", #"{"templateId":"\#(id)","recipient":"a@example.com"}"#)
            #expect(refused.code == "missing_custom_field")
            #expect(refused["error", "details", "missing"] == ["order"])
            let sent = try await client.send(
                .post, "/v1/templates/email/send",
                #"{"uid":"\#(id)","recipient":"a@example.com","customFields":{"order":7},"tags":["t"],"metadata":{"k":[1]}}"#
            )
            #expect(sent.status == 200)
            #expect(sent["status"] == 200)
            let message = sent["id"]?.stringValue ?? ""
            let content = try await client.send(.get, "/api/messages/\(message)/content")
            #expect(content.text == #"{"subject":"Hi Jane","html":"<p>A&amp;B 7</p>","text":"Jane"}"#)
            let read = try await client.send(.get, "/v1/messages/\(message)")
            #expect(read["status"] == "queued")
            #expect(read["to"] == "a@example.com")
            #expect(read["subject"] == "Hi Jane")
            #expect(read["contactId"] == contact["id"])
            #expect(read["templateId"]?.stringValue == id)
            #expect(read["attempts"] == 0)
            #expect(read["failure"] == .null)
            #expect(read["tags"] == ["t"])
            #expect(read["metadata"] == ["k": [1]])
            #expect(read["events", "0", "type"] == "message.queued")
            #expect(read["attemptHistory"] == [])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func batchesFailAlone(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let id = try await makeTemplate(client, #"{"name":"T","subject":"S","text":"x {{a}}"}"#)
            let answer = try await client.send(
                .post, "/api/templates/email/send",
                """
                [{"templateId":"\(id)","recipient":"a@example.com","customFields":{"a":1}},
                 {"templateId":"tmpl_0000000000000","recipient":"a@example.com"},
                 {"templateId":"\(id)","recipient":"nobody"},
                 {"templateId":"\(id)","recipient":"b@example.com","surprise":1},
                 {"templateId":"\(id)","recipient":"b@example.com"},
                 {"templateId":"\(id)","recipient":"c@example.com","customFields":{"a":2}}]
                """)
            #expect(answer.status == 200)
            let codes = (answer["data"]?.arrayValue ?? []).map { $0["error"]?["code"]?.stringValue ?? "ok" }
            #expect(
                codes == [
                    "ok", "template_not_found", "invalid_recipient", "validation_error", "missing_custom_field", "ok",
                ])
            #expect(answer["data", "2", "error", "details", "field"] == "[2].recipient")
            #expect(answer["data", "3", "error", "details", "field"] == "[3].surprise")
            #expect(answer["data", "4", "error", "details", "field"] == "[4].customFields.a")
            let list = try await client.send(.get, "/api/messages")
            #expect(list["pagination", "total"] == 2)
            #expect(list["data", "0", "to"] == "c@example.com")
            #expect(list["data", "1", "id"] == answer["data", "0", "id"])
            #expect(try await client.send(.post, "/api/templates/email/send", "[]").code == "validation_error")
        }
    }

    @Test(arguments: TestEngine.allCases)
    func liveSendsNeedAVerifiedSender(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { fixture, client in
            let key = fixture.liveKey
            let id = try await makeTemplate(client, #"{"name":"T","subject":"S","text":"x"}"#, key: key)
            func send(_ extra: String) async throws -> Answer {
                try await client.send(
                    .post, "/api/templates/email/send",
                    #"{"templateId":"\#(id)","recipient":"a@example.com"\#(extra)}"#, key: key)
            }
            #expect(try await send("").code == "sender_not_verified")
            let other = try await send(#","from":"Eve <eve@other.example>""#)
            #expect(other.code == "sender_not_verified")
            #expect(other["error", "details", "value"] == "other.example")
            let workspace = try await fixture.database.write { db in
                let workspace = try CompanyStore().workspace(db, companyID: fixture.company.id, mode: .live)
                _ = try SenderDomainStore().add(
                    db, workspaceID: workspace.id, domain: "acme.example", trusted: true, now: .now())
                return workspace
            }
            #expect(try await send(#","from":"Acme <hello@ACME.example>""#).status == 200)
            let stored = try await fixture.database.read { db in
                try MessageStore().list(db, workspaceID: workspace.id, limit: 10, offset: 0).map(\.from)
            }
            #expect(stored == ["Acme <hello@acme.example>"])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func templatesThatAreNotActiveAndSuppressedRecipientsAreRefused(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let draft = try await makeTemplate(client, #"{"name":"T","subject":"S","text":"x","status":"draft"}"#)
            let refused = try await client.send(
                .post, "/api/templates/email/send", #"{"templateId":"\#(draft)","recipient":"a@example.com"}"#)
            #expect(refused.status == 409)
            #expect(refused.code == "invalid_state")
            let marketing = try await makeTemplate(
                client, #"{"name":"T","subject":"S","text":"x","category":"marketing"}"#)
            let body = #"{"templateId":"\#(marketing)","recipient":"a@example.com"}"#
            let suppressed = try await client.send(.post, "/api/templates/email/send", body)
            #expect(suppressed.code == "recipient_suppressed")
            #expect(suppressed["error", "details", "reason"] == "no_consent")
            _ = try await client.send(
                .post, "/v1/contacts", #"{"email":"a@example.com","marketingConsent":{"email":true}}"#)
            #expect(try await client.send(.post, "/api/templates/email/send", body).status == 200)
        }
    }

    /// Line breaks cannot be smuggled into header fields, neither by the call nor by a value.
    @Test(arguments: [TestEngine.sqlite])
    func headersCannotBeInjected(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let id = try await makeTemplate(client, #"{"name":"T","subject":"Hi {{n}}","text":"x"}"#)
            let bodies = [
                #""recipient":"a@example.com\r\nBcc: b@example.com","customFields":{"n":1}"#,
                #""recipient":"a@example.com","from":"A <a@b.example>\r\nX: y","customFields":{"n":1}"#,
                #""recipient":"a@example.com","replyTo":"a@b.example\nX: y","customFields":{"n":1}"#,
                #""recipient":"a@example.com","headers":{"X-A":"b\r\nBcc: c"},"customFields":{"n":1}"#,
                #""recipient":"a@example.com","headers":{"X-A\r\nBcc":"c"},"customFields":{"n":1}"#,
                #""recipient":"a@example.com","headers":{"Bcc":"c@example.com"},"customFields":{"n":1}"#,
                #""recipient":"a@example.com","customFields":{"n":"1\r\nBcc: c@example.com"}"#,
            ]
            for body in bodies {
                let answer = try await client.send(
                    .post, "/api/templates/email/send", #"{"templateId":"\#(id)",\#(body)}"#)
                #expect(answer.status == 422, "\(body) \(answer.text)")
            }
            #expect(try await client.send(.get, "/api/messages")["pagination", "total"] == 0)
            let subject = try await client.send(
                .post, "/api/templates/email", #"{"name":"T","subject":"a\r\nb","text":"x"}"#)
            #expect(subject["error", "details", "field"] == "subject")
        }
    }
}
