import Testing

@testable import MinimoServer

struct FirstRunTests {
    private func text(api: String? = nil, app: String? = nil, listen: String = "127.0.0.1:8443") throws -> String {
        FirstRun(
            listener: try ListenAddress(listen), port: 8443, apiHost: api, appHost: app, caFile: "/data/tls/ca.pem",
            dataDirectory: "/data", program: "minimo"
        ).welcome(testKey: "key")
    }

    @Test func withoutNamesEverythingIsAtTheListener() throws {
        let text = try text()
        #expect(text.contains(" https://127.0.0.1:8443/v1/contacts "))
        #expect(text.contains(" https://127.0.0.1:8443/api/templates/email "))
        #expect(!text.contains("--connect-to"))
        #expect(try self.text(listen: "0.0.0.0:8443").contains(" https://localhost:8443/v1/contacts "))
        #expect(try self.text(listen: "[::1]:8443").contains(" https://[::1]:8443/v1/contacts "))
    }

    @Test func aNamedHostIsAskedByItsName() throws {
        let text = try text(api: "api.example.com", app: "app.example.com")
        #expect(text.contains(" https://api.example.com:8443/v1/contacts "))
        #expect(text.contains(" https://app.example.com:8443/api/templates/email "))
        #expect(text.contains(" https://app.example.com:8443/api/templates/email/send "))
        #expect(text.contains(" --connect-to ::127.0.0.1:8443 "))
        let half = try self.text(api: "api.example.com")
        #expect(half.contains(" https://api.example.com:8443/api/templates/email "))
    }
}
