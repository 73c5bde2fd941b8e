/// A domain of an email address: at least two labels, each valid in IDNA2008 (RFC 5891) after the usual mapping of user input
/// (RFC 5895: ideographic full stops, width, lower case, NFC).
///
/// Checked of IDNA's rules: letters, marks and digits only; hyphens; no leading combining mark; the contextual rules for joiners and the
/// middle dots (RFC 5892 appendix A.1–A.7, joiners only after a virama); A-labels must decode and encode back to themselves. Not
/// checked: the direction rule (RFC 5893) and the mixing of Arabic digits; registries refuse such names.
struct DomainName {
    /// Mapped and in lower case; the labels are U-labels or A-labels as they were given.
    let name: String
    /// A-labels only.
    let ascii: String

    /// - Throws: `invalidDomain` or `domainWithoutDot`.
    init(parsing text: Substring) throws(EmailAddressError) {
        if text.utf8.allSatisfy({ $0 < 0x80 }) {
            let lowered = text.lowercased()
            try Self.check(lowered)
            name = lowered
            ascii = lowered
            return
        }
        let mapped = Self.map(text)
        var labels: [String] = []
        for label in mapped.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false) {
            if label.allSatisfy(\.isASCII) {
                labels.append(String(label))
            } else {
                guard Self.isULabel(label), let encoded = Punycode.encode(label) else {
                    throw EmailAddressError(.invalidDomain)
                }
                labels.append("xn--" + encoded)
            }
        }
        let joined = labels.joined(separator: ".")
        try Self.check(joined)
        name = mapped
        ascii = joined
    }

    private static func map(_ text: Substring) -> String {
        var dots = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            dots.append(scalar == "\u{3002}" || scalar == "\u{FF0E}" || scalar == "\u{FF61}" ? "." : scalar)
        }
        // Twice: a compatibility character may have an upper-case expansion, and lower-casing may decompose.
        let once = UnicodeText.compatibilityComposition(String(dots)).lowercased()
        return UnicodeText.compatibilityComposition(once)
    }

    private static func check(_ ascii: String) throws(EmailAddressError) {
        guard ascii.utf8.count <= 253 else { throw EmailAddressError(.invalidDomain) }
        let labels = ascii.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy(isLabel) else { throw EmailAddressError(.invalidDomain) }
        guard labels.count >= 2 else { throw EmailAddressError(.domainWithoutDot) }
    }

    /// Letters, digits and inner hyphens, 1 to 63 octets; an A-label must be one.
    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        guard (1...63).contains(label.count), label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-"),
            label.allSatisfy({ ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: "-") })
        else { return false }
        guard label.starts(with: "xn--".utf8) else { return true }
        let encoded = label.dropFirst(4)
        guard let scalars = Punycode.decode(encoded), isULabel(scalars[...]), let again = Punycode.encode(scalars)
        else { return false }
        return again.utf8.elementsEqual(encoded)
    }

    private static func isULabel(_ label: some BidirectionalCollection<Unicode.Scalar>) -> Bool {
        let scalars = Array(label)
        guard let first = scalars.first, !isMark(first), scalars.contains(where: { !$0.isASCII }) else { return false }
        guard first != "-", scalars.last != "-", !(scalars.count >= 4 && scalars[2] == "-" && scalars[3] == "-") else {
            return false
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        let normalised = UnicodeText.compatibilityComposition(String(text).lowercased())
        guard normalised.unicodeScalars.elementsEqual(scalars) else { return false }
        return scalars.indices.allSatisfy { isAllowed(at: $0, in: scalars) }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    /// RFC 5892: the derived property by general category, then the contextual exceptions.
    private static func isAllowed(at index: Int, in scalars: [Unicode.Scalar]) -> Bool {
        let scalar = scalars[index]
        let previous: Unicode.Scalar? = index > 0 ? scalars[index - 1] : nil
        let next: Unicode.Scalar? = index + 1 < scalars.count ? scalars[index + 1] : nil
        switch scalar.value {
        case 0x2D: return true
        case 0x200C, 0x200D: return previous?.properties.canonicalCombiningClass == .virama
        case 0xB7: return previous == "l" && next == "l"
        case 0x375: return next.map { (0x370...0x3FF).contains($0.value) } ?? false
        case 0x5F3, 0x5F4: return previous.map { (0x590...0x5FF).contains($0.value) } ?? false
        case 0x30FB:
            return scalars.contains {
                (0x3041...0x30FA).contains($0.value) || (0x4E00...0x9FFF).contains($0.value)
                    || (0x3400...0x4DBF).contains($0.value)
            }
        case 0..<0x80: return ASCII.isAlphanumeric(UInt8(scalar.value))
        default: break
        }
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber: return true
        default: return false
        }
    }
}
