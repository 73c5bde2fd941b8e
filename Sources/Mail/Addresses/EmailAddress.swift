/// A bare email address, `local@domain`, that satisfies the rules of HTML's `<input type=email>` and the limits of RFC 5321 §4.5.3.1:
/// a dot-atom local part of at most 64 octets (non-ASCII UTF-8 allowed, RFC 6531), a domain with at least one dot whose labels are valid
/// in IDNA, at most 254 octets in all (counted with the domain as A-labels, the form that goes over the wire).
///
/// Quoted local parts, comments and address literals are refused. A value never holds CR, LF, NUL, a space or another control character,
/// so it can be put into a header or an SMTP command as it is.
package struct EmailAddress: Sendable, Hashable, CustomStringConvertible {
    /// The part before the `@`, exactly as given.
    package let localPart: String
    /// The domain in lower case. IDNA mapping (RFC 5895: width, lower case, NFC) is applied; U-labels and A-labels stay what they were.
    package let domain: String
    /// The domain as A-labels (`xn--…`), lower case, ASCII only.
    package let asciiDomain: String

    /// Parses `local@domain`. White space around it is not trimmed but refused.
    /// - Throws: `EmailAddressError` naming the first rule that is broken.
    package init(parsing text: String) throws(EmailAddressError) {
        let layout = try Self.layout(of: text.utf8)
        let local = text[..<layout.atSign]
        if !layout.localIsASCII {
            guard local.unicodeScalars.allSatisfy(Self.isAllowedInLocalPart) else {
                throw EmailAddressError(.invalidLocalPart)
            }
        }
        let domain = try DomainName(parsing: text[text.utf8.index(after: layout.atSign)...])
        guard local.utf8.count + 1 + max(domain.name.utf8.count, domain.ascii.utf8.count) <= 254 else {
            throw EmailAddressError(.addressTooLong)
        }
        self.localPart = String(local)
        self.domain = domain.name
        self.asciiDomain = domain.ascii
    }

    /// `local@domain` as given, the domain in lower case.
    package var description: String { "\(localPart)@\(domain)" }

    /// The address as it goes over the wire: the local part as given, the domain as A-labels.
    package var wireForm: String { "\(localPart)@\(asciiDomain)" }

    /// Whether the address can only travel between SMTPUTF8 servers (RFC 6531), because its local part is not ASCII.
    package var needsSMTPUTF8: Bool { !localPart.utf8.allSatisfy { $0 < 0x80 } }

    /// Equal for two addresses that must count as one: local part lower-cased by Unicode's simple mapping and in NFC, domain as A-labels.
    package var comparisonKey: String {
        guard needsSMTPUTF8 else { return "\(localPart.lowercased())@\(asciiDomain)" }
        return "\(UnicodeText.canonicalComposition(localPart.lowercased()))@\(asciiDomain)"
    }

    private struct Layout {
        var atSign: String.Index
        var localIsASCII: Bool
    }

    /// Checks what can be checked octet by octet, and finds the `@`.
    private static func layout(of bytes: String.UTF8View) throws(EmailAddressError) -> Layout {
        guard let first = bytes.first else { throw EmailAddressError(.empty) }
        // The wire form is limited below; this bounds the work of the IDNA mapping.
        guard bytes.count <= 1_024 else { throw EmailAddressError(.addressTooLong) }
        guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { throw EmailAddressError(.controlCharacter) }
        guard first != UInt8(ascii: "\"") else { throw EmailAddressError(.quotedLocalPart) }
        guard let atSign = bytes.firstIndex(of: UInt8(ascii: "@")), atSign > bytes.startIndex,
            bytes.index(after: atSign) < bytes.endIndex, bytes.lastIndex(of: UInt8(ascii: "@")) == atSign
        else { throw EmailAddressError(.missingAtSign) }
        let local = bytes[..<atSign]
        guard local.count <= 64 else { throw EmailAddressError(.localPartTooLong) }
        var isASCII = true
        var previousIsDot = true
        for byte in local {
            if byte == UInt8(ascii: ".") {
                guard !previousIsDot else { throw EmailAddressError(.invalidLocalPart) }
                previousIsDot = true
                continue
            }
            previousIsDot = false
            if byte >= 0x80 {
                isASCII = false
            } else if !ASCII.isAtomText(byte) {
                throw EmailAddressError(.invalidLocalPart)
            }
        }
        guard !previousIsDot else { throw EmailAddressError(.invalidLocalPart) }
        return Layout(atSign: atSign, localIsASCII: isASCII)
    }

    /// RFC 6531 allows every non-ASCII character; white space, controls, direction marks and non-characters serve only to deceive.
    private static func isAllowedInLocalPart(_ scalar: Unicode.Scalar) -> Bool {
        guard !scalar.isASCII else { return true }
        switch scalar.properties.generalCategory {
        case .control, .surrogate, .unassigned, .privateUse, .spaceSeparator, .lineSeparator, .paragraphSeparator:
            return false
        case .format: return scalar == "\u{200C}" || scalar == "\u{200D}"
        default: return true
        }
    }
}
