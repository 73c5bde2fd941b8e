extension MessageWriter {
    /// Writes an unstructured field (RFC 5322 §3.2.5) that reads back as exactly `value`: as it is when it is printable ASCII that can be
    /// folded, else as encoded-words. The caller has refused CR, LF and NUL.
    mutating func writeText(name: String, value: String) {
        column = 0
        write(name)
        write(": ")
        let bytes = Array(value.utf8)
        let isPlain =
            Self.isPrintable(bytes) && !EncodedWord.isMimicked(in: bytes) && bytes.first.map(Self.isBlank) != true
            && bytes.last.map(Self.isBlank) != true && Self.isFoldable(bytes, column: column)
        if isPlain {
            writeFolded(bytes)
        } else {
            EncodedWord.write(value, to: &self, inPhrase: false)
        }
        endLine()
    }

    /// Writes a field whose grammar we do not know. ASCII is written as it is and folded at its white space, for it may be structured
    /// (`List-Unsubscribe`); anything else is written as encoded-words.
    mutating func writeCustomHeader(name: String, value: String, field: String) throws(EmailMessageError) {
        guard (1...76).contains(name.utf8.count),
            name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") })
        else {
            throw EmailMessageError(.invalidHeaderName, field: "\(field).name")
        }
        guard !EmailMessage.isReservedHeader(name) else {
            throw EmailMessageError(.reservedHeader, field: "\(field).name")
        }
        guard !value.utf8.contains(where: ASCII.isInjection) else {
            throw EmailMessageError(.injection, field: "\(field).value")
        }
        var bytes = Array(value.utf8)[...]
        while let first = bytes.first, Self.isBlank(first) { bytes.removeFirst() }
        while let last = bytes.last, Self.isBlank(last) { bytes.removeLast() }
        column = 0
        write(name)
        write(": ")
        if Self.isPrintable(bytes) && !EncodedWord.isMimicked(in: bytes) {
            guard Self.isFoldable(bytes, column: column) else {
                throw EmailMessageError(.unfoldableHeader, field: "\(field).value")
            }
            writeFolded(bytes)
        } else {
            EncodedWord.write(String(decoding: bytes, as: UTF8.self), to: &self, inPhrase: false)
        }
        endLine()
    }

    /// Writes an address list, RFC 5322 §3.4.
    mutating func writeMailboxes(_ name: StaticString, _ mailboxes: [Mailbox], field: String) throws(EmailMessageError)
    {
        column = 0
        write(name)
        write(":")
        for (index, mailbox) in mailboxes.enumerated() {
            if index > 0 { write(",") }
            let address = mailbox.address.wireForm
            let comma = index + 1 < mailboxes.count ? 1 : 0
            guard let displayName = mailbox.displayName else {
                writeFirstOrFoldableSpace(before: address.utf8.count + comma, isFirst: index == 0)
                write(address)
                continue
            }
            guard !displayName.utf8.contains(where: ASCII.isInjection) else {
                throw EmailMessageError(
                    .injection, field: mailboxes.count == 1 ? "\(field).displayName" : "\(field)[\(index)].displayName")
            }
            if let phrase = Self.phrase(displayName) {
                writeFirstOrFoldableSpace(before: phrase.count, isFirst: index == 0)
                write(phrase)
            } else {
                writeFirstOrFoldableSpace(before: EncodedWord.minimumLength, isFirst: index == 0)
                EncodedWord.write(displayName, to: &self, inPhrase: true)
            }
            writeFoldableSpace(before: address.utf8.count + 2 + comma)
            write("<")
            write(address)
            write(">")
        }
        endLine()
    }

    /// No fold between the field name and its value: some readers take such a field for an empty one.
    private mutating func writeFirstOrFoldableSpace(before length: Int, isFirst: Bool) {
        if isFirst { write(" ") } else { writeFoldableSpace(before: length) }
    }

    /// The name as atoms or as a quoted-string, or `nil` when only encoded-words can carry it, or carry it better because they can be folded.
    private static func phrase(_ name: String) -> [UInt8]? {
        let bytes = Array(name.utf8)
        guard bytes.count <= 60, isPrintable(bytes), !bytes.contains(0x09), !EncodedWord.isMimicked(in: bytes) else {
            return nil
        }
        let words = bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        if words.allSatisfy({ !$0.isEmpty && $0.allSatisfy(ASCII.isAtomText) }) { return bytes }
        return quoted(bytes)
    }

    /// A quoted-string, RFC 5322 §3.2.4.
    static func quoted(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = [UInt8(ascii: "\"")]
        for byte in bytes {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { result.append(UInt8(ascii: "\\")) }
            result.append(byte)
        }
        result.append(UInt8(ascii: "\""))
        return result
    }

    /// Printable ASCII, spaces and tabs.
    static func isPrintable(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x09 }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    /// Whether folding before white space keeps every line within 998 octets.
    private static func isFoldable(_ bytes: some RandomAccessCollection<UInt8>, column: Int) -> Bool {
        var column = column
        var previousIsBlank = false
        for byte in bytes {
            if isBlank(byte), !previousIsBlank { column = 0 }
            previousIsBlank = isBlank(byte)
            column += 1
            if column > hardLimit { return false }
        }
        return true
    }

    /// Writes words and the white space between them, breaking lines before white space where a word would pass the soft limit. The value
    /// neither begins nor ends with white space, so no line is made of white space alone.
    private mutating func writeFolded(_ bytes: some RandomAccessCollection<UInt8>) {
        var start = bytes.startIndex
        while start < bytes.endIndex {
            let word = bytes[start...].firstIndex { !Self.isBlank($0) } ?? bytes.endIndex
            let end = bytes[word...].firstIndex(where: Self.isBlank) ?? bytes.endIndex
            let piece = bytes[start..<end]
            if word > start, column + piece.count > Self.softLimit { fold() }
            write(piece)
            start = end
        }
    }
}
