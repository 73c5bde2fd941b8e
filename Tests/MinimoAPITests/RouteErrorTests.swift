import HTTPTypes
import MinimoAPI
import MinimoCore
import MinimoTesting
import SQLDatabase
import Testing
import Wire

/// Every error that a client can provoke, on every route of the table, has the envelope of contract §4.
@Suite struct RouteErrorTests {
    /// A request that reaches the handler of a route: the parameters are ids that nobody has.
    private struct Probe {
        let route: Route
        let path: String
        let body: String?

        init(_ route: Route, _ fixture: APIFixture) {
            self.route = route
            path = route.path.split(separator: "/", omittingEmptySubsequences: false).map { segment in
                guard segment.first == "{" else { return String(segment) }
                return segment == "{email}" ? "nobody@example.com" : fixture.unknownID(of: route)
            }.joined(separator: "/")
            body = route.body == .none ? nil : "{}"
        }
    }

    private func expectEnvelope(_ answer: Answer, _ status: Int, _ code: String, _ label: Comment) {
        #expect(answer.status == status, label)
        #expect(answer.code == code, label)
        #expect(answer["error", "message"]?.stringValue?.isEmpty == false, label)
        #expect(answer.headers[.contentType] == "application/json", label)
        #expect(answer.headers[.requestID] != nil, label)
        #expect(answer.headers[.strictTransportSecurity] != nil, label)
        #expect(Set(answer.json.objectValue?.keys.map { $0 } ?? []) == ["error"], label)
        let members = Set(answer["error"]?.objectValue?.keys.map { $0 } ?? [])
        #expect(members.isSubset(of: ["code", "message", "details"]), label)
    }

    private func each(
        _ engine: TestEngine, _ body: (Probe, APIFixture, APIClient, Comment) async throws -> Void
    ) async throws {
        try await APIFixture.run(engine) { fixture, client in
            for route in fixture.table.routes {
                let probe = Probe(route, fixture)
                try await body(probe, fixture, client, "\(route.method.rawValue) \(route.path)")
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func keys(_ engine: TestEngine) async throws {
        try await each(engine) { probe, fixture, client, label in
            let method = probe.route.method
            let expired = try await APIFixture.makeKey(
                fixture.database, fixture.company, [.fullAccess], expiresAt: Timestamp(seconds: 1))
            let headers: [HTTPFields] = [
                [:], [.authorization: "Bearer"], [.authorization: "Basic eDp5"], [.authorization: "Bearer mn-abc-xyz"],
                [.authorization: "Bearer \(fixture.key.dropLast())z"], [.authorization: "Bearer \(expired)"],
                [.authorization: "Bearer \(APIKeySecret(clientID: fixture.company.clientID, mode: .test).text)"],
            ]
            var bodies = Set<String>()
            for header in headers {
                let answer = try await client.raw(
                    method, probe.path, probe.body, contentType: "application/json", headers: header)
                expectEnvelope(answer, 401, "unauthorized", label)
                #expect(answer.headers[.wwwAuthenticate] == "Bearer", label)
                bodies.insert(answer.text)
            }
            #expect(bodies.count == 1, "one body for every reason")
        }
    }

    @Test(arguments: TestEngine.allCases)
    func permissions(_ engine: TestEngine) async throws {
        try await each(engine) { probe, fixture, client, label in
            for permission in Permission.allCases where permission != .fullAccess {
                let key = try await APIFixture.makeKey(fixture.database, fixture.company, [permission])
                let answer = try await client.send(probe.route.method, probe.path, probe.body, key: key)
                if permission == probe.route.permission {
                    #expect(answer.status != 403, label)
                } else {
                    expectEnvelope(answer, 403, "forbidden", label)
                    #expect(
                        answer["error", "details", "permission"]?.stringValue == probe.route.permission.rawValue, label)
                }
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func methods(_ engine: TestEngine) async throws {
        try await each(engine) { probe, fixture, client, label in
            let known = Set(
                fixture.table.routes.filter { $0.path == probe.route.path }.map(\.method.rawValue))
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"] where !known.contains(method) {
                guard let method = HTTPRequest.Method(method) else { continue }
                let answer = try await client.send(method, probe.path, probe.body)
                // Another route may answer a literal's path by a parameter; then it is that route's business.
                guard case .otherMethod = fixture.table.match(method, path: probe.path[...]) else { continue }
                expectEnvelope(answer, 405, "method_not_allowed", label)
                let allow = Set((answer.headers[.allow] ?? "").split(separator: ",").map { $0.filter { $0 != " " } })
                #expect(allow == known.union(known.contains("GET") ? ["HEAD"] : []), label)
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func bodies(_ engine: TestEngine) async throws {
        try await each(engine) { probe, _, client, label in
            guard case .json(let limit) = probe.route.body else { return }
            let method = probe.route.method
            for type in [nil, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
                let answer = try await client.send(method, probe.path, "{}", contentType: type)
                expectEnvelope(answer, 400, "bad_request", label)
            }
            let accepted = try await client.send(
                method, probe.path, "{]", contentType: "Application/JSON; charset=utf-8")
            #expect(accepted["error", "details", "offset"] == .integer(1), label)
            let malformed: [(String, Int64)] = [
                ("", 0), ("{", 1), (#"{"a":1,"a":2}"#, 7), ("{} x", 3), (#"{"a":"\#u{1}"}"#, 6),
                (String(repeating: "[", count: 33) + String(repeating: "]", count: 33), 32),
            ]
            for (body, offset) in malformed {
                let answer = try await client.send(method, probe.path, body)
                expectEnvelope(answer, 400, "bad_request", "\(label) \(body.prefix(40))")
                #expect(answer["error", "details", "offset"] == .integer(offset), "\(label) \(body.prefix(40))")
            }
            let huge = try await client.send(method, probe.path, "1e999")
            expectEnvelope(huge, 422, "validation_error", label)
            if limit <= 1 << 20 {
                let large = try await client.send(
                    method, probe.path, "\"" + String(repeating: "x", count: limit) + "\"")
                expectEnvelope(large, 413, "payload_too_large", label)
            }
            let notAnObject = try await client.send(method, probe.path, "42")
            expectEnvelope(notAnObject, 422, "validation_error", label)
            let unknown = try await client.send(method, probe.path, #"{"surprise":1}"#)
            expectEnvelope(unknown, 422, "validation_error", label)
            let fields =
                [unknown["error", "details", "field"]]
                + (unknown["error", "details", "errors"]?.arrayValue ?? []).map { $0["field"] }
            #expect(fields.contains(.string("surprise")), label)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func queries(_ engine: TestEngine) async throws {
        try await each(engine) { probe, _, client, label in
            let answer = try await client.send(probe.route.method, probe.path + "?surprise=1", probe.body)
            expectEnvelope(answer, 400, "bad_request", label)
            #expect(answer["error", "details", "field"] == "surprise", label)
            let invalid = try await client.send(probe.route.method, probe.path + "?page=%zz", probe.body)
            expectEnvelope(invalid, 400, "bad_request", label)
        }
    }

    /// Malformed ids, ids of another kind, ids that nobody has and ids of another company are all 404 (contract 3.3).
    @Test(arguments: TestEngine.allCases)
    func identifiers(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { fixture, client in
            let foreign = try await fixture.makeOne(client, key: fixture.otherKey)
            let live = try await fixture.makeOne(client, key: fixture.liveKey)
            for route in fixture.table.routes where route.path.contains("{id}") {
                let label: Comment = "\(route.method.rawValue) \(route.path)"
                let kind = APIFixture.kind(of: route)
                let ids = [
                    fixture.unknownID(of: route), fixture.instance.ids.encode(1, .apiKey), "1", "x", "%20",
                    foreign[kind] ?? "", live[kind] ?? "",
                ]
                for id in ids where !id.isEmpty {
                    let path = route.path.split(separator: "/", omittingEmptySubsequences: false)
                        .map { $0 == "{id}" ? id : String($0) }.joined(separator: "/")
                    let answer = try await client.send(route.method, path, route.body == .none ? nil : "{}")
                    expectEnvelope(answer, 404, "not_found", "\(label) \(id)")
                }
            }
        }
    }

    @Test(arguments: TestEngine.allCases)
    func unknownPaths(_ engine: TestEngine) async throws {
        try await APIFixture.run(engine) { _, client in
            for path in [
                "/v1", "/v1/", "/v1/nothing", "/api/nothing", "/public/v1/x", "/v1/contacts/", "/v1//contacts",
            ] {
                expectEnvelope(try await client.raw(.get, path), 401, "unauthorized", "\(path)")
                expectEnvelope(try await client.send(.get, path), 404, "not_found", "\(path)")
            }
            for path in ["/", "/nothing", "/v2/contacts"] {
                expectEnvelope(try await client.raw(.get, path), 404, "not_found", "\(path)")
            }
        }
    }
}

extension APIFixture {
    static func kind(of route: Route) -> PublicIDKind {
        if route.path.contains("/templates/email") { return .emailTemplate }
        return route.path.contains("/messages") ? .message : .contact
    }

    /// An id of the right kind that nobody has.
    func unknownID(of route: Route) -> String { instance.ids.encode(999_999, Self.kind(of: route)) }

    /// Creates one resource of each kind with a key and gives their ids.
    func makeOne(_ client: APIClient, key: String) async throws -> [PublicIDKind: String] {
        let contact = try await client.send(.post, "/v1/contacts", #"{"email":"one@example.com"}"#, key: key)
        let template = try await client.send(
            .post, "/v1/templates/email", #"{"name":"T","subject":"S","text":"x"}"#, key: key)
        var ids: [PublicIDKind: String] = [:]
        ids[.contact] = contact["id"]?.stringValue
        ids[.emailTemplate] = template["id"]?.stringValue
        guard !key.hasPrefix("mn-test-") else {
            let sent = try await client.send(
                .post, "/v1/templates/email/send",
                #"{"templateId":"\#(ids[.emailTemplate] ?? "")","recipient":"one@example.com"}"#, key: key)
            ids[.message] = sent["id"]?.stringValue
            return ids
        }
        return ids
    }
}
