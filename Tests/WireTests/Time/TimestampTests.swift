import Foundation
import Testing
import Wire

struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_763_029_800, "2025-11-13T10:30:00Z"), (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"), (-2_203_891_200, "1900-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] as [(Int64, String)])
    func writesAndReads(_ seconds: Int64, _ text: String) throws {
        #expect(Timestamp(seconds: seconds).text == text)
        #expect(try Timestamp(parsing: text) == Timestamp(seconds: seconds))
    }

    @Test(
        arguments: [
            ("2025-11-13T10:30:00.5Z", 500_000), ("2025-11-13T10:30:00.000001Z", 1),
            ("2025-11-13T10:30:00.9999999999Z", 999_999),
            ("2025-11-13t10:30:00z", 0), ("2025-11-13 10:30:00Z", 0), ("2025-11-13T12:30:00+02:00", 0),
            ("2025-11-13T05:00:00-05:30", 0),
            ("2025-11-13T10:30:00-00:00", 0), ("2025-11-14T10:29:00+23:59", 0),
        ] as [(String, Int64)])
    func readsOffsetsAndFractions(_ text: String, _ microseconds: Int64) throws {
        #expect(try Timestamp(parsing: text).microseconds == 1_763_029_800_000_000 + microseconds)
    }

    @Test func movesLeapSecondsIntoTheirMinute() throws {
        let last = Timestamp(microseconds: 1_483_228_799_999_999)
        #expect(try Timestamp(parsing: "2016-12-31T23:59:60Z") == last)
        #expect(try Timestamp(parsing: "2016-12-31T23:59:60.25Z") == last)
        #expect(try Timestamp(parsing: "2017-01-01T01:59:60+02:00") == last)
        #expect(throws: TimestampError.malformed) { try Timestamp(parsing: "2016-12-31T22:59:60Z") }
        #expect(throws: TimestampError.malformed) { try Timestamp(parsing: "2016-12-31T23:59:61Z") }
    }

    @Test(arguments: [
        "", "2025", "2025-11-13", "2025-11-13T10:30Z", "2025-11-13T10:30:00", "2025-11-13T10:30:00.Z",
        "2025-11-13T10:30:00,5Z",
        "2025-11-13T10:30:00+0200", "2025-11-13T10:30:00+02", "2025-11-13T10:30:00+24:00", "2025-11-13T10:30:00+02:60",
        "2025-13-13T10:30:00Z", "2025-00-13T10:30:00Z", "2025-11-31T10:30:00Z", "2025-11-00T10:30:00Z",
        "2025-02-29T10:30:00Z",
        "1900-02-29T10:30:00Z", "2025-11-13T24:00:00Z", "2025-11-13T10:60:00Z", "2025-11-13T10:30:00Z ",
        " 2025-11-13T10:30:00Z",
        "25-11-13T10:30:00Z", "2025-1-13T10:30:00Z", "+2025-11-13T10:30:00Z", "2025-11-13_10:30:00Z",
        "２025-11-13T10:30:00Z", "1763029800",
        "12025-11-13T10:30:00Z",
    ])
    func refusesMalformedText(_ text: String) {
        #expect(throws: TimestampError.malformed) { try Timestamp(parsing: text) }
    }

    @Test(arguments: ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
    func refusesInstantsOutsideTheYears(_ text: String) {
        #expect(throws: TimestampError.outOfRange) { try Timestamp(parsing: text) }
    }

    @Test func agreesWithFoundation() throws {
        var random = SeededGenerator(seed: 9)
        // Foundation switches to the Julian calendar before 1582.
        for _ in 0..<3000 {
            let seconds = Int64.random(in: -12_000_000_000...253_402_300_799, using: &random)
            let text = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
            #expect(Timestamp(seconds: seconds).text == text)
            #expect(try Timestamp(parsing: text).seconds == seconds)
        }
    }

    @Test func staysInItsRange() {
        #expect(Timestamp(microseconds: .max) == .latest)
        #expect(Timestamp(microseconds: .min) == .earliest)
        #expect(Timestamp(seconds: .max) == .latest)
        #expect(Timestamp(seconds: .min) == .earliest)
        #expect(Timestamp.latest.adding(.seconds(1)) == .latest)
        #expect(Timestamp.latest.text == "9999-12-31T23:59:59Z")
        #expect(Timestamp.earliest.adding(.seconds(-1)) == .earliest)
        #expect(Timestamp(seconds: 0).adding(.seconds(Int64.max)) == .latest)
        #expect(Timestamp(seconds: 0).adding(.seconds(Int64.min)) == .earliest)
        #expect(Timestamp.earliest.text == "0001-01-01T00:00:00Z")
    }

    @Test func computes() {
        let start = Timestamp(seconds: 1_763_029_800)
        #expect(start.adding(.milliseconds(1500)).microseconds == start.microseconds + 1_500_000)
        #expect(start.adding(.nanoseconds(-1)).microseconds == start.microseconds - 1)
        #expect(start + .seconds(60) - .seconds(60) == start)
        #expect((start + .seconds(60)) - start == .seconds(60))
        #expect(start < start + .microseconds(1))
        #expect(Timestamp(microseconds: -1).seconds == -1)
        #expect(Timestamp(microseconds: -1).wholeSeconds == Timestamp(seconds: -1))
        #expect(Timestamp(microseconds: -1).text == "1969-12-31T23:59:59Z")
        #expect(Timestamp(microseconds: -1).secondOfDay == 86_399)
        #expect(start.secondOfDay == 10 * 3600 + 30 * 60)
        #expect(start.date == CivilDate(year: 2025, month: 11, day: 13))
    }

    @Test func nowIsTheSystemsTime() {
        let before = Date().timeIntervalSince1970
        let now = Double(Timestamp.now().microseconds) / 1_000_000
        #expect(now >= before - 0.001 && now <= Date().timeIntervalSince1970 + 0.001)
    }
}

struct CivilDateTests {
    /// A whole cycle of 400 years, and both ends of the range.
    @Test(arguments: [(1, 1, 5), (1899, 0, 2302), (9995, 0, 9999)])
    func everyDayFollowsTheOneBefore(_ firstYear: Int, _ weekday: Int, _ lastYear: Int) throws {
        var date = try #require(CivilDate(year: firstYear, month: 1, day: 1))
        #expect(date.weekday == weekday)
        while date.year < lastYear || date.month < 12 || date.day < 31 {
            let next = date.startOfDay.adding(.seconds(86_400)).date
            let isNewMonth = next.day == 1
            guard isNewMonth || next.day == date.day + 1 else {
                Issue.record("\(date) is followed by \(next)")
                return
            }
            if isNewMonth {
                // The day before the first of a month is that month's last: there is no later day.
                #expect(CivilDate(year: date.year, month: date.month, day: date.day + 1) == nil)
                #expect(next > date && next.weekday == (date.weekday + 1) % 7)
            }
            date = next
        }
    }

    @Test func readsAndWrites() {
        #expect(CivilDate(parsing: "2024-02-29")?.text == "2024-02-29")
        #expect(CivilDate(parsing: "2025-11-13")?.weekday == 4)
        #expect(CivilDate(parsing: "1970-01-01")?.daysSince1970 == 0)
        for text in ["2023-02-29", "2025-13-01", "2025-1-1", "0000-01-01", "2025-11-13T", "2025/11/13", ""] {
            #expect(CivilDate(parsing: text) == nil)
        }
    }
}
