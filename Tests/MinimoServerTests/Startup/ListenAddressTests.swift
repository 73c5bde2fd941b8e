import MinimoServer
import Testing

struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:8443", "127.0.0.1", 8443, "127.0.0.1:8443"),
        ("[::1]:0", "::1", 0, "[::1]:0"),
        ("0.0.0.0:65535", "0.0.0.0", 65_535, "0.0.0.0:65535"),
        ("mail.example:443", "mail.example", 443, "mail.example:443"),
    ])
    func hostAndPort(text: String, host: String, port: Int, description: String) throws {
        let address = try ListenAddress(text)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.description == description)
    }

    @Test(arguments: ["", "8443", ":8443", "localhost", "localhost:", "localhost:65536", "localhost:-1", "localhost:x"])
    func everythingElseIsRefused(text: String) {
        #expect(throws: StartupError.self) { try ListenAddress(text) }
    }
}
