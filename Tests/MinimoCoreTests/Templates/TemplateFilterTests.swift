import MinimoCore
import Testing
import Wire

struct TemplateFilterTests {
    private func render(_ template: String, _ value: JSONValue?) throws -> String {
        var values = JSONObject()
        values["x"] = value
        return try TemplateProgram(parsing: template, escaping: .none).render(TemplateValues(values))
    }

    @Test(
        arguments: [
            (#"{{x | default: "there"}}"#, nil, "there"), (#"{{x | default: "there"}}"#, .null, "there"),
            (#"{{x | default: "there"}}"#, "", "there"), (#"{{x | default: "there"}}"#, "Jane", "Jane"),
            (#"{{x|default:'a "b" \' \\ }}'}}"#, nil, #"a "b" ' \ }}"#), (#"{{x | default: 5}}"#, nil, "5"),
            (#"{{x | default: ""}}"#, nil, ""), (#"{{x | default: "é"}}"#, nil, "é"), (#"{{x | default: 1}}"#, 0, "0"),
            (#"{{x | default: 1}}"#, false, "false"), ("{{x | upper}}", "Größe", "GRÖSSE"),
            ("{{x | lower}}", "ÄB", "äb"),
            ("{{x | upper}}", nil, ""), ("{{x | upper}}", true, "TRUE"), (#"{{x | default: "a" | upper}}"#, nil, "A"),
            (#"{{x | upper | default: "a"}}"#, nil, "a"), (#"{{ x  |  upper  |  lower  }}"#, "aB", "ab"),
            (#"{{{x | upper}}}"#, "a", "A"), (#"{{& x | upper }}"#, "a", "A"),
        ] as [(String, JSONValue?, String)])
    func texts(_ template: String, _ value: JSONValue?, _ expected: String) throws {
        #expect(try render(template, value) == expected)
    }

    @Test(arguments: [
        ("d MMMM yyyy", "2025-11-03", "3 November 2025"), ("dd.MM.yy", "2025-01-03", "03.01.25"),
        ("EEEE, MMM d, y", "2025-11-13T10:30:00Z", "Thursday, Nov 13, 2025"), ("E EE EEE", "2024-02-29", "Thu Thu Thu"),
        ("H HH h hh a", "2025-11-13T00:05:09Z", "0 00 12 12 AM"),
        ("H HH h hh a", "2025-11-13T12:05:09Z", "12 12 12 12 PM"),
        ("H HH h hh a", "2025-11-13T13:05:09Z", "13 13 1 01 PM"), ("m mm s ss", "2025-11-13T10:05:09.75Z", "5 05 9 09"),
        ("yyyy-MM-dd HH:mm", "2025-11-13T00:30:00+02:00", "2025-11-12 22:30"),
        ("'d' d ''yy'' 'o''clock'", "2025-11-13", "d 13 '25' o'clock"),
        ("yyyy年M月d日", "2025-11-13", "2025年11月13日"), ("yyyy y", "0007-01-01", "0007 7"), ("", "2025-11-13", ""),
        ("MMM", "not a date", "not a date"), ("MMM", "2025-02-30", "2025-02-30"),
    ])
    func dates(_ pattern: String, _ value: String, _ expected: String) throws {
        #expect(try render("{{x | date: \"\(pattern)\"}}", .string(value)) == expected)
    }

    @Test func everyMonthAndWeekdayHasItsName() throws {
        let months = (1...12).map { try? render("{{x | date: 'MMMM'}}", .string("2025-\($0 < 10 ? "0" : "")\($0)-01")) }
        #expect(
            months.compactMap(\.self).joined(separator: " ")
                == "January February March April May June July August September October November December")
        let days = (16...22).map { try? render("{{x | date: 'EEEE'}}", .string("2025-11-\($0)")) }
        #expect(
            days.compactMap(\.self).joined(separator: " ") == "Sunday Monday Tuesday Wednesday Thursday Friday Saturday"
        )
    }

    @Test(
        arguments: [
            (2, 1234.5, "1,234.50"), (0, 1234.5, "1,235"), (0, -0.4, "0"), (0, 0.5, "1"), (2, 2.675, "2.68"),
            (2, 1.005, "1.01"),
            (1, 0.05, "0.1"), (1, 0.04, "0.0"), (2, 999.999, "1,000.00"), (2, -1234567.891, "-1,234,567.89"),
            (3, 0, "0.000"),
            (2, 1e21, "1,000,000,000,000,000,000,000.00"), (2, 5e-300, "0.00"), (10, 1.5, "1.5000000000"),
            (2, 100, "100.00"),
            (2, 1000, "1,000.00"), (0, 9.5, "10"), (0, 99.4, "99"), (2, -0.001, "0.00"), (2, 1.5e-2, "0.02"),
        ] as [(Int, JSONValue, String)])
    func numbers(_ decimals: Int, _ value: JSONValue, _ expected: String) throws {
        #expect(try render("{{x | number: \(decimals)}}", value) == expected)
    }

    @Test(arguments: [
        ("1234.5", "1,234.50"), ("-3", "-3.00"), ("9223372036854775807", "9,223,372,036,854,775,807.00"),
        ("abc", "abc"),
        ("", ""), ("1,234", "1,234"), ("true", "true"), ("12 ", "12.00"), ("0x10", "0x10"), ("[1]", "[1]"),
        ("1e400", "1e400"),
    ])
    func numbersInText(_ value: String, _ expected: String) throws {
        #expect(try render("{{x | number: 2}}", .string(value)) == expected)
    }

    @Test func filteredTextIsEscapedToo() throws {
        let program = try TemplateProgram(parsing: #"{{x | default: "<b>" | upper}}{{y | upper}}"#, escaping: .html)
        #expect(try program.render(TemplateValues(["y": "a&'"])) == "&lt;B&gt;A&amp;&#39;")
    }
}
