/// An address with an optional display name, `Acme <hello@acme.example>` (RFC 5322 §3.4).
package struct Mailbox: Sendable, Hashable, CustomStringConvertible {
    /// What readers show instead of the address; never empty. May hold any text: encoding and quoting happen when a header is written,
    /// and CR, LF and NUL are refused there.
    package let displayName: String?
    /// The address.
    package let address: EmailAddress

    /// Makes a mailbox. Spaces and tabs around the name are dropped; an empty name is none.
    package init(displayName: String? = nil, address: EmailAddress) {
        let trimmed = displayName.map(Self.trim) ?? ""
        self.displayName = trimmed.isEmpty ? nil : trimmed
        self.address = address
    }

    /// Parses `local@domain`, `<local@domain>`, `Name <local@domain>` or `"Quoted \"name\"" <local@domain>`.
    ///
    /// An unquoted name is taken literally and may hold anything but `< > " , ; @`: those would mean that the text is a list or was cut.
    /// - Throws: `EmailAddressError`; `invalidDisplayName` and `controlCharacter` for the name.
    package init(parsing text: String) throws(EmailAddressError) {
        guard !text.utf8.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F }) else {
            throw EmailAddressError(.controlCharacter)
        }
        let trimmed = Self.trim(text)
        guard trimmed.utf8.last == UInt8(ascii: ">") else {
            self.init(address: try EmailAddress(parsing: trimmed))
            return
        }
        guard let open = trimmed.utf8.lastIndex(of: UInt8(ascii: "<")) else { throw EmailAddressError(.missingAtSign) }
        let close = trimmed.utf8.index(before: trimmed.endIndex)
        let address = try EmailAddress(parsing: Self.trim(trimmed[trimmed.utf8.index(after: open)..<close]))
        self.init(displayName: try Self.phrase(Self.trim(trimmed[..<open])), address: address)
    }

    /// `Name <local@domain>` with the name quoted where the grammar asks for it, in Unicode: for people and for JSON. Parsing it gives
    /// the same mailbox back, unless the name holds control characters. Headers are written by `EmailMessage`.
    package var description: String {
        guard let displayName else { return address.description }
        let isPlain = displayName.utf8.allSatisfy { $0 >= 0x80 || ASCII.isAtomText($0) || $0 == UInt8(ascii: " ") }
        guard !isPlain else { return "\(displayName) <\(address)>" }
        var quoted = "\""
        for scalar in displayName.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return "\(quoted)\" <\(address)>"
    }

    private static func phrase(_ text: String) throws(EmailAddressError) -> String {
        guard text.utf8.first == UInt8(ascii: "\"") else {
            guard !text.utf8.contains(where: { #"<>",;@"#.utf8.contains($0) }) else {
                throw EmailAddressError(.invalidDisplayName)
            }
            return text
        }
        var result = String.UnicodeScalarView()
        var isEscaped = false
        var isClosed = false
        for scalar in text.unicodeScalars.dropFirst() {
            guard !isClosed else { throw EmailAddressError(.invalidDisplayName) }
            if isEscaped {
                result.append(scalar)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else if scalar == "\"" {
                isClosed = true
            } else {
                result.append(scalar)
            }
        }
        guard isClosed else { throw EmailAddressError(.invalidDisplayName) }
        return String(result)
    }

    private static func trim(_ text: some StringProtocol) -> String {
        let isBlank: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" }
        var view = Substring(text).unicodeScalars
        while let first = view.first, isBlank(first) { view.removeFirst() }
        while let last = view.last, isBlank(last) { view.removeLast() }
        return String(view)
    }
}
