#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An instant in UTC with a precision of a microsecond, within the years 1 to 9999.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z without leap seconds; negative before.
    package let microseconds: Int64

    /// 0001-01-01T00:00:00Z.
    package static let earliest = Timestamp(seconds: -62_135_596_800)
    /// 9999-12-31T23:59:59.999999Z.
    package static let latest = Timestamp(microseconds: 253_402_300_799_999_999)

    private static let validRange: ClosedRange<Int64> = -62_135_596_800_000_000...253_402_300_799_999_999

    /// Microseconds since 1970, moved into the years 1 to 9999.
    package init(microseconds: Int64) {
        self.microseconds = min(max(microseconds, Self.validRange.lowerBound), Self.validRange.upperBound)
    }

    /// Whole seconds since 1970, moved into the years 1 to 9999.
    package init(seconds: Int64) {
        let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
        self.init(microseconds: overflows ? (seconds < 0 ? .min : .max) : product)
    }

    /// The system's clock.
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// Whole seconds since 1970, rounded down.
    package var seconds: Int64 {
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The instant without its fraction of a second, as the API shows it (contract §3.2).
    package var wholeSeconds: Timestamp { Timestamp(seconds: seconds) }

    /// The day in UTC.
    package var date: CivilDate { CivilDate(daysSince1970: dayAndSecond.day) }

    /// Whole seconds since midnight UTC, 0…86,399.
    package var secondOfDay: Int { dayAndSecond.second }

    /// The instant `duration` later, rounded down to a microsecond, at most `latest` and at least `earliest`.
    package func adding(_ duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (product, productOverflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !productOverflows else { return seconds < 0 ? .earliest : .latest }
        var fraction = attoseconds / 1_000_000_000_000
        if attoseconds < 0, fraction * 1_000_000_000_000 != attoseconds { fraction -= 1 }
        let (delta, deltaOverflows) = product.addingReportingOverflow(fraction)
        guard !deltaOverflows else { return product < 0 ? .earliest : .latest }
        let (sum, sumOverflows) = microseconds.addingReportingOverflow(delta)
        return sumOverflows ? (delta < 0 ? .earliest : .latest) : Timestamp(microseconds: sum)
    }

    /// The same as `adding`.
    package static func + (left: Timestamp, right: Duration) -> Timestamp { left.adding(right) }
    /// The instant `right` earlier, within the same bounds as `adding`.
    package static func - (left: Timestamp, right: Duration) -> Timestamp { left.adding(.zero - right) }
    /// The time from `right` to `left`.
    package static func - (left: Timestamp, right: Timestamp) -> Duration {
        .microseconds(left.microseconds - right.microseconds)
    }
    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    var dayAndSecond: (day: Int, second: Int) {
        let seconds = Int(seconds)
        let day = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        return (day, seconds - day * 86_400)
    }
}
