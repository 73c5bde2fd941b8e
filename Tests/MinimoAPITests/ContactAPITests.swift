import HTTPTypes
import MinimoAPI
import MinimoTesting
import Testing
import Wire

/// Contract 10.1.
@Suite struct ContactAPITests {
    @Test(arguments: TestEngine.allCases)
    func createsWithEveryMember(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let answer = try await client.send(
                .post, "/v1/contacts",
                """
                {"email":"Jane@EXAMPLE.com","phone":"+393391234567","firstName":"Jane","lastName":"Doe","externalId":"u-1",
                 "language":"pt-BR","tags":["vip","vip","new"],"customFields":{"company":"Acme","nested":{"a":1,"b":null}},
                 "marketingConsent":{"email":true}}
                """)
            #expect(answer.status == 201)
            let id = answer["id"]?.stringValue ?? ""
            #expect(id.hasPrefix("cnt_"))
            #expect(answer.headers[.location] == "/v1/contacts/\(id)")
            let names = answer.json.objectValue?.keys.map { $0 } ?? []
            #expect(
                names == [
                    "id", "email", "phone", "firstName", "lastName", "language", "status", "source", "externalId",
                    "tags", "customFields", "marketingConsent", "createdAt", "updatedAt",
                ])
            #expect(answer["email"] == "Jane@example.com")
            #expect(answer["status"] == "active")
            #expect(answer["source"] == "api")
            #expect(answer["tags"] == ["vip", "new"])
            #expect(answer["customFields"] == ["company": "Acme", "nested": ["a": 1]])
            #expect(answer["marketingConsent"] == ["email": true, "whatsapp": .null])
            let createdAt = answer["createdAt"]?.stringValue ?? ""
            #expect(createdAt.utf8.count == 20 && createdAt.hasSuffix("Z"))

            let again = try await client.send(.get, "/v1/contacts/\(id)")
            #expect(again.text == answer.text)
            let byEmail = try await client.send(.get, "/v1/contacts/by-email/jane%40example.COM")
            #expect(byEmail.text == answer.text)
            let head = try await client.send(.head, "/v1/contacts/\(id)")
            #expect(head.status == 200)
            #expect(head.text.isEmpty)
            #expect(head.headers[.contentLength] == String(answer.text.utf8.count))
        }
    }

    /// Match by email, else by phone, else by external id, else create.
    @Test(arguments: TestEngine.allCases)
    func upsertMatches(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let first = try await client.send(
                .post, "/v1/contacts", #"{"email":"a@example.com","phone":"+12025550001","externalId":"1"}"#)
            let id = first["id"]
            let byEmail = try await client.send(
                .post, "/v1/contacts", #"{"email":"A@example.com","firstName":"A"}"#)
            #expect(byEmail.status == 200)
            #expect(byEmail["id"] == id)
            #expect(byEmail["phone"] == "+12025550001")
            #expect(byEmail["email"] == "A@example.com")
            let byPhone = try await client.send(
                .post, "/v1/contacts/upsert", #"{"phone":"+12025550001","email":"b@example.com"}"#)
            #expect(byPhone["id"] == id)
            #expect(byPhone["email"] == "b@example.com")
            #expect(byPhone["firstName"] == "A")
            let byExternalID = try await client.send(.post, "/v1/contacts", #"{"externalId":"1","lastName":"B"}"#)
            #expect(byExternalID["id"] == id)
            #expect(byExternalID["lastName"] == "B")
            let other = try await client.send(.post, "/v1/contacts", #"{"email":"a@example.com"}"#)
            #expect(other.status == 201)

            let conflict = try await client.send(
                .post, "/v1/contacts", #"{"email":"a@example.com","phone":"+12025550001"}"#)
            #expect(conflict.status == 409)
            #expect(conflict.code == "duplicate_resource")
            #expect(conflict["error", "details", "ids"] == .array([other["id"] ?? .null, id ?? .null]))
            let external = try await client.send(
                .post, "/v1/contacts", #"{"email":"a@example.com","externalId":"1"}"#)
            #expect(external.status == 409)
            #expect(external["error", "details", "field"] == "externalId")
            #expect(external["error", "details", "id"] == id)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func mergesAndClears(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let created = try await client.send(
                .post, "/v1/contacts",
                #"{"email":"a@example.com","firstName":"A","tags":["x","y"],"customFields":{"p":{"q":1,"r":2},"s":3}}"#)
            let path = "/v1/contacts/\(created["id"]?.stringValue ?? "")"
            let merged = try await client.send(
                .patch, path,
                #"{"firstName":null,"addTags":["z"],"removeTags":["x"],"customFields":{"p":{"q":null,"t":4},"s":null,"u":[null]}}"#
            )
            #expect(merged.status == 200)
            #expect(merged["firstName"] == .null)
            #expect(merged["tags"] == ["y", "z"])
            #expect(merged["customFields"] == ["p": ["r": 2, "t": 4], "u": [.null]])
            let consent = try await client.send(.put, path, #"{"marketingConsent":{"whatsapp":false}}"#)
            #expect(consent["marketingConsent"] == ["email": .null, "whatsapp": false])
            let empty = try await client.send(.patch, path, #"{"email":null}"#)
            #expect(empty.status == 422)
            #expect(empty["error", "details", "field"] == "email")
            let taken = try await client.send(.post, "/v1/contacts", #"{"email":"b@example.com"}"#)
            let conflict = try await client.send(.put, path, #"{"email":"B@example.com"}"#)
            #expect(conflict.status == 409)
            #expect(conflict["error", "details"] == ["field": "email", "id": taken["id"] ?? .null])
        }
    }

    @Test(arguments: TestEngine.allCases)
    func deletesAndRestores(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let created = try await client.send(
                .post, "/v1/contacts", #"{"email":"a@example.com","firstName":"A"}"#)
            let id = created["id"]?.stringValue ?? ""
            let deleted = try await client.send(.delete, "/v1/contacts/\(id)")
            #expect(deleted.text == #"{"id":"\#(id)","deleted":true}"#)
            #expect(try await client.send(.delete, "/v1/contacts/\(id)").status == 404)
            #expect(try await client.send(.get, "/v1/contacts/\(id)").status == 404)
            #expect(try await client.send(.get, "/v1/contacts/by-email/a@example.com").status == 404)
            #expect(try await client.send(.get, "/v1/contacts")["pagination", "total"] == 0)
            let restored = try await client.send(.post, "/v1/contacts", #"{"email":"a@example.com"}"#)
            #expect(restored.status == 200)
            #expect(restored["id"]?.stringValue == id)
            #expect(restored["firstName"] == "A")
            _ = try await client.send(.delete, "/v1/contacts/\(id)")
            let put = try await client.send(.put, "/v1/contacts/\(id)", #"{"lastName":"B"}"#)
            #expect(put.status == 200)
            #expect(try await client.send(.get, "/v1/contacts/\(id)").status == 200)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func listsPages(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let none = try await client.send(.get, "/v1/contacts")
            #expect(
                none.text
                    == #"{"data":[],"pagination":{"page":1,"limit":25,"total":0,"totalPages":0,"hasNext":false,"hasPrevious":false}}"#
            )
            for number in 1...5 {
                _ = try await client.send(.post, "/v1/contacts", #"{"email":"c\#(number)@example.com"}"#)
            }
            let page = try await client.send(.get, "/v1/contacts?page=2&limit=2")
            #expect(page["data", "0", "email"] == "c3@example.com")
            #expect(page["data", "1", "email"] == "c2@example.com")
            #expect(
                page["pagination"] == [
                    "page": 2, "limit": 2, "total": 5, "totalPages": 3, "hasNext": true, "hasPrevious": true,
                ])
            let past = try await client.send(.get, "/v1/contacts?page=9&limit=2")
            #expect(past.status == 200)
            #expect(past["data"] == [])
            for query in ["page=0", "page=-1", "page=x", "limit=0", "limit=101", "limit=1.5", "page=1&page=2", "page="]
            {
                let answer = try await client.send(.get, "/v1/contacts?\(query)")
                #expect(answer.status == 400, "\(query)")
                #expect(answer.code == "bad_request", "\(query)")
            }
        }
    }

    /// One answer names every failure (contract 4.2).
    @Test(arguments: [TestEngine.sqlite])
    func namesEveryFailure(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let answer = try await client.send(
                .post, "/v1/contacts",
                #"{"email":"invalid-email","phone":"123","firstName":7,"tags":["a",1],"status":"active","marketingConsent":{"sms":true}}"#
            )
            #expect(answer.status == 422)
            #expect(answer["error", "message"] == "Invalid email address format")
            #expect(answer["error", "details", "field"] == "email")
            #expect(answer["error", "details", "value"] == "invalid-email")
            let errors = answer["error", "details", "errors"]?.arrayValue ?? []
            #expect(
                errors.compactMap { $0["field"]?.stringValue } == [
                    "email", "phone", "firstName", "tags[1]", "marketingConsent.sms", "status",
                ])
            #expect(errors.dropFirst().first?["code"] == "invalid_phone_number")
            let phone = try await client.send(.post, "/v1/contacts", #"{"phone":"00391234567"}"#)
            #expect(phone.code == "invalid_phone_number")
            let nobody = try await client.send(.post, "/v1/contacts", #"{"firstName":"A"}"#)
            #expect(nobody.code == "validation_error")
            let long = try await client.send(
                .post, "/v1/contacts", #"{"email":"\#(String(repeating: "x", count: 400))"}"#)
            #expect(long["error", "details", "value"]?.stringValue?.count == 256)
            let broken = try await client.send(.post, "/v1/contacts", #"{"email":"a@b.example","firstName":"a\r\nb"}"#)
            #expect(broken["error", "details", "field"] == "firstName")
        }
    }

    /// Two requests race for the same new contact: one creates it, the other finds it.
    @Test(arguments: TestEngine.allCases)
    func concurrentUpsertsMakeOneContact(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        try await client.send(
                            .post, "/v1/contacts", #"{"email":"race@example.com","customFields":{"n\#(number)":1}}"#)
                    }
                }
                var answers: [Answer] = []
                for try await answer in group { answers.append(answer) }
                return answers
            }
            #expect(answers.filter { $0.status == 201 }.count == 1)
            #expect(answers.filter { $0.status == 200 }.count == 15)
            #expect(Set(answers.compactMap { $0["id"]?.stringValue }).count == 1)
            let end = try await client.send(.get, "/v1/contacts/by-email/race@example.com")
            #expect(end["customFields"]?.objectValue?.count == 16)
        }
    }
}
