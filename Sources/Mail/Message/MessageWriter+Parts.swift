import NIOCore

extension MessageWriter {
    /// Writes the header fields of a part, an empty line, and its body. Inside a multipart the body is followed by the line end that
    /// belongs to the next delimiter (RFC 2046 §5.1.1).
    mutating func writePart(_ part: MessagePart, isNested: Bool) {
        switch part {
        case .text(let subtype, let body): writeTextPart(subtype: subtype, body: body, isNested: isNested)
        case .file(let attachment, let isInline): writeFile(attachment, isInline: isInline)
        case .multipart(let subtype, let parts): writeMultipart(subtype: subtype, parts: parts)
        }
    }

    private mutating func writeMultipart(subtype: StaticString, parts: [MessagePart]) {
        let boundary = nextBoundary()
        write("Content-Type: multipart/")
        write(subtype)
        write(";\r\n boundary=\"")
        write(boundary)
        write("\"")
        if case .text(let subtype, _) = parts.first, case .file(_, isInline: true) = parts.last {
            // RFC 2387 §3.1: the type of the root part.
            write(";\r\n type=\"text/")
            write(subtype)
            write("\"")
        }
        write("\r\n\r\n")
        for part in parts {
            write("--")
            write(boundary)
            endLine()
            writePart(part, isNested: true)
        }
        write("--")
        write(boundary)
        write("--")
        endLine()
    }

    private mutating func writeTextPart(subtype: StaticString, body: String, isNested: Bool) {
        write("Content-Type: text/")
        write(subtype)
        write("; charset=utf-8\r\n")
        var body = body
        body.withUTF8 { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            let normalisedCount = LineEnds.normalisedCount(bytes)
            let start = buffer.writerIndex
            write("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
            if QuotedPrintable.write(bytes, to: &buffer, limit: Base64.lineEncodedLength(normalisedCount)) {
                if isNested { endLine() }
            } else {
                buffer.moveWriterIndex(to: start)
                write("Content-Transfer-Encoding: base64\r\n\r\n")
                let normalised = LineEnds.normalise(bytes, count: normalisedCount)
                normalised.withUnsafeBytes { Base64.writeLines($0, to: &buffer) }
            }
        }
    }

    private mutating func writeFile(_ attachment: CheckedAttachment, isInline: Bool) {
        let name = Array(attachment.filename.utf8)
        // A reader may decode what looks like an encoded-word, although a parameter cannot hold one.
        let isASCII = Self.isPrintable(name) && !EncodedWord.isMimicked(in: name)
        column = 0
        write("Content-Type: ")
        write(attachment.contentType.mediaType)
        for parameter in attachment.contentType.parameters {
            let value = parameter.value.utf8
            let isToken = !value.isEmpty && value.allSatisfy(ASCII.isToken)
            writeParameter(parameter.name, value: isToken ? Array(value) : Self.quoted(value))
        }
        // For readers that know no RFC 2231, the name in ASCII. It stands here because two forms of one parameter in one field are an error.
        writeParameter("name", value: Self.quoted(isASCII ? name : Self.asciiFallback(attachment.filename)))
        endLine()
        write("Content-Transfer-Encoding: base64")
        endLine()
        write("Content-Disposition: ")
        write(isInline ? "inline" : "attachment")
        if isASCII {
            writeParameter("filename", value: Self.quoted(name))
        } else {
            writeParameter("filename*", value: Array("utf-8''".utf8) + Self.percentEncoded(name))
        }
        endLine()
        if let contentID = attachment.contentID {
            write("Content-ID: <")
            write(contentID)
            write(">")
            endLine()
        }
        endLine()
        if attachment.content.isEmpty {
            endLine()
        } else {
            attachment.content.withUnsafeBytes { Base64.writeLines($0, to: &buffer) }
        }
    }

    private mutating func writeParameter(_ name: String, value: [UInt8]) {
        write(";")
        writeFoldableSpace(before: name.utf8.count + 1 + value.count)
        write(name)
        write("=")
        write(value)
    }

    private static func asciiFallback(_ filename: String) -> [UInt8] {
        filename.unicodeScalars.map { $0.isASCII && $0 != "?" ? UInt8($0.value) : UInt8(ascii: "_") }
    }

    /// `attribute-char` of RFC 2231 §7 as itself, the rest as `%XX`.
    private static func percentEncoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in bytes {
            if ASCII.isToken(byte), byte != UInt8(ascii: "*"), byte != UInt8(ascii: "'"), byte != UInt8(ascii: "%") {
                result.append(byte)
            } else {
                result.append(UInt8(ascii: "%"))
                result.append(ASCII.hexadecimalDigit(byte >> 4))
                result.append(ASCII.hexadecimalDigit(byte & 0x0F))
            }
        }
        return result
    }
}

/// Line ends of bodies: CR, LF and CRLF all mean one line end and are sent as CRLF; a last line without one gets it.
enum LineEnds {
    /// The octets that `normalise` makes.
    static func normalisedCount(_ bytes: UnsafeRawBufferPointer) -> Int {
        var count = bytes.count
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == 0x0A { count += previous == 0x0D ? -1 : 1 }
            if byte == 0x0D { count += 1 }
            previous = byte
        }
        // Above, CR counts as two and the LF after it as none.
        if !bytes.isEmpty, previous != 0x0A, previous != 0x0D { count += 2 }
        return count
    }

    /// - Parameter count: what `normalisedCount` gave for the same octets.
    static func normalise(_ bytes: UnsafeRawBufferPointer, count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == 0x0D || (byte == 0x0A && previous != 0x0D) {
                result.append(0x0D)
                result.append(0x0A)
            } else if byte != 0x0A {
                result.append(byte)
            }
            previous = byte
        }
        if !bytes.isEmpty, previous != 0x0A, previous != 0x0D {
            result.append(0x0D)
            result.append(0x0A)
        }
        return result
    }
}
