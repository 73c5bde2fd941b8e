import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#endif

/// The certificate and key that the server presents, as PEM text.
package struct ServerCertificate: Sendable {
    package let chain: String
    package let key: String
}

/// The local certificate authority that stands in when no certificate is configured (contract 1.4).
///
/// It is made at first start and kept in the data directory: clients trust `tls/ca.pem` once. The server's own certificate is made anew when
/// the names change or it is about to expire.
package struct LocalAuthority: Sendable {
    private let directory: DataDirectory

    package init(_ directory: DataDirectory) {
        self.directory = directory
    }

    /// The certificate for these names and addresses, signed by the local authority.
    ///
    /// - Parameter names: DNS names and IP addresses beside `localhost` and the loopback addresses.
    /// - Throws: ``StartupError`` when the files cannot be written, or are damaged.
    package func certificate(names: [String]) throws -> ServerCertificate {
        let subjects = Self.subjects(names)
        do {
            let (authority, authorityKey) = try loadAuthority() ?? makeAuthority()
            if let kept = try loadServer(subjects) { return kept }
            return try makeServer(subjects, authority, authorityKey)
        } catch let error as StartupError {
            throw error
        } catch {
            throw StartupError(
                "the files in \(directory.file("tls")) cannot be used (\(error)): remove the folder to make new ones; clients must then trust the new ca.pem")
        }
    }

    private func loadAuthority() throws -> (Certificate, P256.Signing.PrivateKey)? {
        guard let pem = directory.read("tls/ca.pem"), let key = directory.read("tls/ca.key") else { return nil }
        return (try Certificate(pemEncoded: pem), try P256.Signing.PrivateKey(pemRepresentation: key))
    }

    private func loadServer(_ subjects: [Subject]) throws -> ServerCertificate? {
        guard let pem = directory.read("tls/server.pem"), let key = directory.read("tls/server.key") else { return nil }
        let certificate = try Certificate(pemEncoded: pem)
        guard let names = try certificate.extensions.subjectAlternativeNames,
            Array(names) == subjects.map(\.generalName), certificate.notValidAfter > Date.now + 30 * Self.day
        else { return nil }
        return ServerCertificate(chain: pem, key: key)
    }

    private func makeAuthority() throws -> (Certificate, P256.Signing.PrivateKey) {
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName {
            OrganizationName("Minimo")
            CommonName("Minimo local authority")
        }
        let publicKey = Certificate.PublicKey(key.publicKey)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: Date.now - Self.day, notValidAfter: Date.now + 3650 * Self.day, issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: publicKey)
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
        try directory.write(key.pemRepresentation + "\n", to: "tls/ca.key")
        try directory.write(try certificate.serializeAsPEM().pemString + "\n", to: "tls/ca.pem")
        return (certificate, key)
    }

    private func makeServer(
        _ subjects: [Subject], _ authority: Certificate, _ authorityKey: P256.Signing.PrivateKey
    ) throws -> ServerCertificate {
        let key = P256.Signing.PrivateKey()
        let publicKey = Certificate.PublicKey(key.publicKey)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: Date.now - Self.day, notValidAfter: Date.now + 397 * Self.day, issuer: authority.subject,
            subject: try DistinguishedName { CommonName("Minimo") }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(subjects.map(\.generalName))
                SubjectKeyIdentifier(hash: publicKey)
                AuthorityKeyIdentifier(
                    keyIdentifier: try authority.extensions.subjectKeyIdentifier?.keyIdentifier)
            },
            issuerPrivateKey: Certificate.PrivateKey(authorityKey))
        let pem = try certificate.serializeAsPEM().pemString + "\n"
        let keyText = key.pemRepresentation + "\n"
        try directory.write(keyText, to: "tls/server.key")
        try directory.write(pem, to: "tls/server.pem")
        return ServerCertificate(chain: pem, key: keyText)
    }

    private static let day: TimeInterval = 86_400

    /// One name that the certificate is good for.
    private enum Subject: Hashable {
        case name(String)
        case address([UInt8])

        var generalName: GeneralName {
            switch self {
            case .name(let name): .dnsName(name)
            case .address(let bytes): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
            }
        }
    }

    private static func subjects(_ names: [String]) -> [Subject] {
        var subjects: [Subject] = []
        for name in ["localhost", "127.0.0.1", "::1"] + names {
            let subject = address(name).map(Subject.address) ?? .name(name.lowercased())
            if !subjects.contains(subject) { subjects.append(subject) }
        }
        return subjects
    }

    private static func address(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var six = in6_addr()
        if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: six) { Array($0) } }
        return nil
    }
}
