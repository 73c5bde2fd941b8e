import NIOCore

/// A moment as RFC 5322 §3.3 writes it, `Tue, 01 Apr 2025 10:00:00 +0000`: English names and a numeric zone, whatever the locale.
struct MessageDate {
    private static let weekdays: [StaticString] = ["Thu, ", "Fri, ", "Sat, ", "Sun, ", "Mon, ", "Tue, ", "Wed, "]
    private static let months: [StaticString] = [
        " Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec ",
    ]

    private let unixSeconds: Int

    /// `nil` outside the years 1970 to 9999.
    init?(unixSeconds: Int64) {
        guard (0...253_402_300_799).contains(unixSeconds) else { return nil }
        self.unixSeconds = Int(unixSeconds)
    }

    func write(to buffer: inout ByteBuffer) {
        let days = unixSeconds / 86_400
        let second = unixSeconds % 86_400
        // Civil date from a day count, counted in eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        buffer.writeStaticString(Self.weekdays[days % 7])
        Self.writeTwoDigits(day, to: &buffer)
        buffer.writeStaticString(Self.months[month - 1])
        Self.writeTwoDigits(year / 100, to: &buffer)
        Self.writeTwoDigits(year % 100, to: &buffer)
        buffer.writeStaticString(" ")
        Self.writeTwoDigits(second / 3_600, to: &buffer)
        buffer.writeStaticString(":")
        Self.writeTwoDigits(second / 60 % 60, to: &buffer)
        buffer.writeStaticString(":")
        Self.writeTwoDigits(second % 60, to: &buffer)
        buffer.writeStaticString(" +0000")
    }

    private static func writeTwoDigits(_ value: Int, to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(0x30 + value / 10))
        buffer.writeInteger(UInt8(0x30 + value % 10))
    }
}
