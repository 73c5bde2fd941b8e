/// A day of the proleptic Gregorian calendar, years 1 to 9999, without a time zone.
package struct CivilDate: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 1…9999.
    package let year: Int
    /// 1…12.
    package let month: Int
    /// 1…31.
    package let day: Int

    /// nil when there is no such day.
    package init?(year: Int, month: Int, day: Int) {
        guard 1...9999 ~= year, 1...12 ~= month, 1...Self.days(inMonth: month, ofYear: year) ~= day else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// Reads `YYYY-MM-DD` (RFC 3339 `full-date`); nil for anything else.
    package init?(parsing text: String) {
        var scanner = DigitScanner(text)
        guard let year = scanner.number(digits: 4), scanner.skip(UInt8(ascii: "-")),
            let month = scanner.number(digits: 2), scanner.skip(UInt8(ascii: "-")),
            let day = scanner.number(digits: 2), scanner.isAtEnd
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// The day that lies `days` after 1970-01-01, which must be in the years 1 to 9999.
    ///
    /// The arithmetic works on eras of 400 years that begin on 1 March (Howard Hinnant, "chrono-Compatible Low-Level
    /// Date Algorithms").
    init(daysSince1970 days: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01, negative before.
    package var daysSince1970: Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// 0 is Sunday, 6 is Saturday.
    package var weekday: Int {
        // 1970-01-01 was a Thursday. The remainder is made positive for days before it.
        ((daysSince1970 + 4) % 7 + 7) % 7
    }

    /// The first instant of the day in UTC.
    package var startOfDay: Timestamp {
        Timestamp(seconds: Int64(daysSince1970) * 86_400)
    }

    /// `YYYY-MM-DD`.
    package var text: String {
        String(unsafeUninitializedCapacity: 10) { memory in
            var cursor = ByteCursor(UnsafeMutableRawBufferPointer(memory))
            putText(to: &cursor)
            return cursor.written
        }
    }

    package var description: String { text }

    package static func < (left: CivilDate, right: CivilDate) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }

    /// Puts ten bytes, `YYYY-MM-DD`.
    func putText(to cursor: inout ByteCursor) {
        cursor.putDecimal(UInt64(year), width: 4)
        cursor.put(UInt8(ascii: "-"))
        cursor.putDecimal(UInt64(month), width: 2)
        cursor.put(UInt8(ascii: "-"))
        cursor.putDecimal(UInt64(day), width: 2)
    }

    private static func days(inMonth month: Int, ofYear year: Int) -> Int {
        switch month {
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
