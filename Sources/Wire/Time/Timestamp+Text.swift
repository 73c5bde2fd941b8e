/// Why a text is not a timestamp.
package enum TimestampError: String, Error, Sendable, CustomStringConvertible {
    /// The text does not follow the grammar of RFC 3339 §5.6, or names a day or time that does not exist.
    case malformed
    /// The instant lies outside the years 1 to 9999 in UTC.
    case outOfRange

    package var description: String {
        switch self {
        case .malformed: "The timestamp is not in the form of RFC 3339, such as 2025-11-13T10:30:00Z."
        case .outOfRange: "The timestamp is outside the years 0001 to 9999."
        }
    }
}

extension Timestamp {
    /// Length of `text`.
    static let textLength = 20

    /// `2025-11-13T10:30:00Z`: UTC, whole seconds, rounded down.
    package var text: String {
        String(unsafeUninitializedCapacity: Self.textLength) { memory in
            var cursor = ByteCursor(UnsafeMutableRawBufferPointer(memory))
            putText(to: &cursor)
            return cursor.written
        }
    }

    package var description: String { text }

    /// Reads RFC 3339 §5.6 `date-time` with any offset and any number of fraction digits, of which six count.
    ///
    /// `t` and `z` in lower case and a space instead of the `T` are accepted, as the RFC permits. A leap second (`:60`
    /// at 23:59 UTC) becomes the last microsecond of its minute.
    package init(parsing text: String) throws(TimestampError) {
        var scanner = DigitScanner(text)
        guard let year = scanner.number(digits: 4), scanner.skip(UInt8(ascii: "-")),
            let month = scanner.number(digits: 2), scanner.skip(UInt8(ascii: "-")),
            let day = scanner.number(digits: 2),
            scanner.skip(UInt8(ascii: "T")) || scanner.skip(UInt8(ascii: "t")) || scanner.skip(UInt8(ascii: " ")),
            let hour = scanner.number(digits: 2), hour < 24, scanner.skip(UInt8(ascii: ":")),
            let minute = scanner.number(digits: 2), minute < 60, scanner.skip(UInt8(ascii: ":")),
            let second = scanner.number(digits: 2), second <= 60,
            let fraction = Self.fraction(&scanner), let offset = Self.offset(&scanner), scanner.isAtEnd
        else { throw .malformed }
        guard year > 0 else { throw .outOfRange }
        guard let date = CivilDate(year: year, month: month, day: day) else { throw .malformed }
        let minutes = date.daysSince1970 * 1440 + hour * 60 + minute - offset
        if second == 60, (minutes % 1440 + 1440) % 1440 != 1439 { throw .malformed }
        let seconds = Int64(minutes * 60 + min(second, 59))
        let microseconds = seconds * 1_000_000 + (second == 60 ? 999_999 : fraction)
        guard Self.earliest.microseconds...Self.latest.microseconds ~= microseconds else { throw .outOfRange }
        self.init(microseconds: microseconds)
    }

    /// Microseconds of an optional fraction; nil when it has no digits.
    private static func fraction(_ scanner: inout DigitScanner) -> Int64? {
        guard scanner.skip(UInt8(ascii: ".")) else { return 0 }
        guard var value = scanner.digit().map(Int64.init) else { return nil }
        var digits = 1
        while let digit = scanner.digit() {
            if digits < 6 {
                value = value * 10 + Int64(digit)
                digits += 1
            }
        }
        while digits < 6 {
            value *= 10
            digits += 1
        }
        return value
    }

    /// Minutes that local time is ahead of UTC; nil when there is no valid offset.
    private static func offset(_ scanner: inout DigitScanner) -> Int? {
        if scanner.skip(UInt8(ascii: "Z")) || scanner.skip(UInt8(ascii: "z")) { return 0 }
        let isAhead = scanner.skip(UInt8(ascii: "+"))
        guard isAhead || scanner.skip(UInt8(ascii: "-")),
            let hours = scanner.number(digits: 2), hours < 24, scanner.skip(UInt8(ascii: ":")),
            let minutes = scanner.number(digits: 2), minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (isAhead ? 1 : -1)
    }

    /// Puts the 20 bytes of `text`.
    func putText(to cursor: inout ByteCursor) {
        let (day, second) = dayAndSecond
        CivilDate(daysSince1970: day).putText(to: &cursor)
        cursor.put(UInt8(ascii: "T"))
        cursor.putDecimal(UInt64(second / 3600), width: 2)
        cursor.put(UInt8(ascii: ":"))
        cursor.putDecimal(UInt64(second / 60 % 60), width: 2)
        cursor.put(UInt8(ascii: ":"))
        cursor.putDecimal(UInt64(second % 60), width: 2)
        cursor.put(UInt8(ascii: "Z"))
    }
}
