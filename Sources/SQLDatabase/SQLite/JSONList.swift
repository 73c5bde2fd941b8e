/// List arguments as JSON arrays, for `json_each`.
enum JSONList {
    static func text(_ values: [Int64]) -> String {
        "[" + values.map { String($0) }.joined(separator: ",") + "]"
    }

    static func text(_ values: [String]) -> String {
        var bytes: [UInt8] = [0x5B]
        for value in values {
            if bytes.count > 1 { bytes.append(0x2C) }
            append(value, to: &bytes)
        }
        bytes.append(0x5D)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// RFC 8259 section 7: the quotation mark, the backslash and the control characters are escaped.
    private static func append(_ value: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        for byte in value.utf8 {
            switch byte {
            case 0x22, 0x5C:
                bytes.append(0x5C)
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(hexadecimal[Int(byte >> 4)])
                bytes.append(hexadecimal[Int(byte & 15)])
            default:
                bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }

    private static let hexadecimal = [UInt8]("0123456789abcdef".utf8)
}
