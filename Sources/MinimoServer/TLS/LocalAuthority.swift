import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif
#if canImport(Glibc)
import Glibc
#endif

/// The local certificate authority that stands in when no certificate is configured (contract 1.4).
///
/// It is made at first start and kept in the data directory: clients trust `tls/ca.pem` once. The server's own certificate is made anew at
/// a start when the names have changed or it has run for a while.
package struct LocalAuthority: Sendable {
    private let directory: DataDirectory

    package init(_ directory: DataDirectory) {
        self.directory = directory
    }

    /// The certificate for these names and addresses, signed by the local authority.
    ///
    /// - Parameter names: DNS names and IP addresses beside `localhost` and the loopback addresses.
    /// - Throws: ``StartupError`` when the files cannot be read or written, or are damaged; nothing is replaced then.
    package func certificate(names: [String], now: Date = .now) throws -> ServerCertificate {
        let subjects = Self.subjects(names)
        do {
            let (authority, authorityKey) = try loadAuthority(now)
            if let kept = try loadServer(subjects, authority, now) { return kept }
            return try makeServer(subjects, authority, authorityKey, now)
        } catch let error as StartupError {
            throw error
        } catch {
            throw StartupError(
                "the files in \(directory.file("tls")) cannot be used (\(error)): remove the folder to make new ones; clients must then trust the new ca.pem"
            )
        }
    }

    /// The authority in the directory; what is missing of it is made.
    private func loadAuthority(_ now: Date) throws -> (Certificate, P256.Signing.PrivateKey) {
        let pem = try directory.read("tls/ca.pem")
        guard let keyText = try directory.read("tls/ca.key") else {
            guard pem == nil else {
                throw StartupError(
                    "\(directory.file("tls/ca.key")) is missing: restore it, or remove the folder to make a new authority; clients must then trust the new ca.pem"
                )
            }
            // The key comes first: whoever finds a certificate finds its key.
            let made = try directory.create("tls/ca.key", P256.Signing.PrivateKey().pemRepresentation + "\n")
            return try makeAuthority(P256.Signing.PrivateKey(pemRepresentation: made), now)
        }
        let key = try P256.Signing.PrivateKey(pemRepresentation: keyText)
        guard let pem else { return try makeAuthority(key, now) }
        let certificate = try Certificate(pemEncoded: pem)
        guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
            throw StartupError(
                "\(directory.file("tls/ca.key")) does not belong to ca.pem: restore both from one backup, or remove the folder to make a new authority; clients must then trust the new ca.pem"
            )
        }
        return (certificate, key)
    }

    /// The server's certificate in the directory, if it will do.
    private func loadServer(_ subjects: [Subject], _ authority: Certificate, _ now: Date) throws -> ServerCertificate? {
        guard let pem = try directory.read("tls/server.pem"), let keyText = try directory.read("tls/server.key") else {
            return nil
        }
        let certificate = try Certificate(pemEncoded: pem)
        let key = try P256.Signing.PrivateKey(pemRepresentation: keyText)
        guard let names = try certificate.extensions.subjectAlternativeNames,
            Array(names) == subjects.map(\.generalName),
            certificate.notValidAfter > now + Self.enoughDays * Self.day,
            // The two files are written one after the other, and the authority may be a new one.
            certificate.publicKey == Certificate.PublicKey(key.publicKey),
            authority.publicKey.isValidSignature(certificate.signature, for: certificate)
        else { return nil }
        return ServerCertificate(chain: pem, key: keyText)
    }

    private func makeAuthority(
        _ key: P256.Signing.PrivateKey, _ now: Date
    ) throws -> (Certificate, P256.Signing.PrivateKey) {
        let name = try DistinguishedName {
            OrganizationName("Minimo")
            CommonName("Minimo local authority")
        }
        let publicKey = Certificate.PublicKey(key.publicKey)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: now - Self.day, notValidAfter: now + 3650 * Self.day, issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: publicKey)
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
        let kept = try directory.create("tls/ca.pem", try certificate.serializeAsPEM().pemString + "\n")
        return (try Certificate(pemEncoded: kept), key)
    }

    private func makeServer(
        _ subjects: [Subject], _ authority: Certificate, _ authorityKey: P256.Signing.PrivateKey, _ now: Date
    ) throws -> ServerCertificate {
        let key = P256.Signing.PrivateKey()
        let publicKey = Certificate.PublicKey(key.publicKey)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: now - Self.day, notValidAfter: now + Self.validDays * Self.day, issuer: authority.subject,
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

    /// How long a server certificate is good for: clients refuse more than 398 days.
    private static let validDays: TimeInterval = 397
    /// With no more than this left a new one is made. Only a start makes one, and a server may run for most of a year without one: so a start
    /// renews long before it would be pressing, and a restart at any time in the first 97 days changes nothing.
    private static let enoughDays: TimeInterval = 300
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
