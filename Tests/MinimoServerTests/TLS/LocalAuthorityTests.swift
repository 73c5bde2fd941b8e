import Foundation
import MinimoServer
import NIOSSL
import Testing

struct LocalAuthorityTests {
    private static let day: TimeInterval = 86_400

    private func leaf(_ certificate: ServerCertificate) throws -> NIOSSLCertificate {
        try #require(try NIOSSLCertificate.fromPEMBytes(Array(certificate.chain.utf8)).first)
    }

    @Test func theAuthorityIsKept() async throws {
        try await withDirectory { directory in
            let authority = LocalAuthority(directory)
            let first = try authority.certificate(names: [])
            let ca = try directory.read("tls/ca.pem")
            #expect(ca != nil)
            let again = try authority.certificate(names: [])
            #expect(again.chain == first.chain)
            #expect(again.key == first.key)
            let other = try authority.certificate(names: ["api.example.com"])
            #expect(other.chain != first.chain)
            #expect(try directory.read("tls/ca.pem") == ca)
            for name in ["ca.key", "ca.pem", "server.key", "server.pem"] {
                #expect(try mode(directory.file("tls/" + name)) == 0o600)
            }
        }
    }

    @Test func everyNameIsInTheCertificate() async throws {
        try await withDirectory { directory in
            let certificate = try LocalAuthority(directory).certificate(
                names: ["API.example.com", "192.0.2.1", "2001:db8::1", "localhost"])
            let names = try leaf(certificate)._subjectAlternativeNames()
            let texts = names.map { String(decoding: $0.contents, as: UTF8.self) }
            #expect(texts.filter { $0 == "localhost" }.count == 1)
            #expect(texts.contains("api.example.com"))
            let bytes = names.map { Array($0.contents) }
            #expect(bytes.contains([127, 0, 0, 1]))
            #expect(bytes.contains([192, 0, 2, 1]))
            #expect(bytes.contains([0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]))
            #expect(names.count == 6)
        }
    }

    @Test func aStartRenewsLongBeforeTheEnd() async throws {
        try await withDirectory { directory in
            let authority = LocalAuthority(directory)
            let now = Date.now
            let first = try authority.certificate(names: [], now: now)
            #expect(abs(try first.expiry().timeIntervalSince(now) - 397 * Self.day) < 2)
            #expect(try authority.certificate(names: [], now: now + 96 * Self.day).chain == first.chain)
            let renewed = try authority.certificate(names: [], now: now + 98 * Self.day)
            #expect(renewed.chain != first.chain)
            #expect(try renewed.expiry() > first.expiry())
        }
    }

    @Test func aCertificateOfAnotherAuthorityOrKeyIsNotUsed() async throws {
        try await withDirectory { directory in
            let authority = LocalAuthority(directory)
            let first = try authority.certificate(names: [])
            try FileManager.default.removeItem(atPath: directory.file("tls/ca.pem"))
            try FileManager.default.removeItem(atPath: directory.file("tls/ca.key"))
            let second = try authority.certificate(names: [])
            #expect(second.chain != first.chain)
            try directory.write(first.key, to: "tls/server.key")
            let third = try authority.certificate(names: [])
            #expect(third.chain != second.chain)
            #expect(third.key != first.key)
        }
    }

    @Test func halfAnAuthorityIsNeverReplaced() async throws {
        try await withDirectory { directory in
            let authority = LocalAuthority(directory)
            _ = try authority.certificate(names: [])
            let (pem, key) = (try directory.read("tls/ca.pem"), try directory.read("tls/ca.key"))
            try FileManager.default.removeItem(atPath: directory.file("tls/ca.key"))
            #expect(throws: StartupError.self) { try authority.certificate(names: []) }
            #expect(try directory.read("tls/ca.pem") == pem)
            try FileManager.default.createDirectory(
                atPath: directory.file("tls/ca.key"), withIntermediateDirectories: false)
            #expect(throws: StartupError.self) { try authority.certificate(names: []) }
            #expect(try directory.read("tls/ca.pem") == pem)
            // The other half alone is what a crash between the two files leaves behind.
            try FileManager.default.removeItem(atPath: directory.file("tls/ca.key"))
            try directory.write(try #require(key), to: "tls/ca.key")
            try FileManager.default.removeItem(atPath: directory.file("tls/ca.pem"))
            _ = try authority.certificate(names: [])
            #expect(try directory.read("tls/ca.key") == key)
        }
    }
}
