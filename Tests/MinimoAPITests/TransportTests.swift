import HTTPTypes
import MinimoAPI
import MinimoCore
import MinimoTesting
import Testing
import Wire

/// Contract 1.3, 1.4, 1.6 and the shutdown of 4.3.
@Suite struct TransportTests {
    @Test func onlyTrustedProxiesAreBelieved() throws {
        let transport = Transport(trustedProxies: [try #require(AddressRange("10.0.0.0/8"))])
        #expect(transport.isSecure(.tls, peer: "1.2.3.4", forwardedProto: nil))
        #expect(!transport.isSecure(.plain, peer: "1.2.3.4", forwardedProto: "https"))
        #expect(transport.isSecure(.plain, peer: "10.1.2.3", forwardedProto: "HTTPS"))
        #expect(!transport.isSecure(.plain, peer: "10.1.2.3", forwardedProto: "http"))
        #expect(!transport.isSecure(.plain, peer: "10.1.2.3", forwardedProto: nil))
        #expect(transport.isSecure(.plain, peer: "10.1.2.3", forwardedProto: "http, https"))
        #expect(!transport.isSecure(.plain, peer: "10.1.2.3", forwardedProto: "https, http"))
    }

    @Test func plainHTTPIsRefused() async throws {
        try await APIFixture.run(.sqlite) { fixture, _ in
            let client = fixture.client(listener: .plain)
            let answer = try await client.send(.post, "/v1/contacts", #"{"email":"a@example.com"}"#)
            #expect(answer.status == 403)
            #expect(answer.code == "https_required")
            #expect(answer.headers[.strictTransportSecurity] == nil)
            #expect(answer.headers[.location] == nil)
        }
    }

    @Test func aSaneRequestIDIsKept() async throws {
        try await APIFixture.run(.sqlite) { _, client in
            let kept = try await client.send(.get, "/v1/contacts", headers: [.requestID: "trace-1.a_B"])
            #expect(kept.headers[.requestID] == "trace-1.a_B")
            for given in ["", "with blank", String(repeating: "x", count: 129), "<script>"] {
                let answer = try await client.send(.get, "/v1/contacts", headers: [.requestID: given])
                #expect(answer.headers[.requestID]?.hasPrefix("req_") == true, "\(given)")
            }
        }
    }

    @Test func hostsServeTheirOwnPaths() async throws {
        try await APIFixture.run(.sqlite, hosts: Hosts(api: "api.acme.example", app: "app.acme.example")) { _, client in
            func ask(_ path: String, _ authority: String) async throws -> Answer {
                try await client.send(.get, path, authority: authority)
            }
            #expect(try await ask("/v1/contacts", "api.acme.example:8443").status == 200)
            #expect(try await ask("/api/messages", "APP.acme.example").status == 200)
            let wrong = try await ask("/v1/contacts", "app.acme.example")
            #expect(wrong.status == 404)
            #expect(wrong["error", "message"]?.stringValue?.contains("https://api.acme.example") == true)
            #expect(try await ask("/api/messages", "api.acme.example").status == 404)
            #expect(try await ask("/v1/contacts", "127.0.0.1").status == 404)
        }
    }

    @Test func aDrainingServerAnswers503() async throws {
        try await APIFixture.run(.sqlite) { fixture, client in
            fixture.drain.set()
            let answer = try await client.send(.get, "/v1/contacts")
            #expect(answer.status == 503)
            #expect(answer.code == "service_unavailable")
            #expect(answer.headers[.retryAfter] == "1")
        }
    }
}
