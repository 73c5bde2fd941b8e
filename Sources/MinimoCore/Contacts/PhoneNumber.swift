/// A telephone number in E.164 form with its `+`: `+393391234567`.
package struct PhoneNumber: Sendable, Hashable {
    /// `+` and 7 to 15 digits, the first not 0 (ITU-T E.164).
    package let e164: String

    /// - Returns: `nil` when the text is not E.164: no country code, blanks, dashes, parentheses, too short or too
    ///   long.
    package init?(_ text: String) {
        let utf8 = Array(text.utf8)
        guard (8...16).contains(utf8.count), utf8[0] == UInt8(ascii: "+"), utf8[1] != UInt8(ascii: "0"),
            utf8.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        e164 = text
    }
}
