import MinimoCore
import Testing
import Wire

struct TemplateRenderTests {
    private func render(_ template: String, _ layers: JSONObject...) throws -> String {
        try TemplateProgram(parsing: template, escaping: .none).render(TemplateValues(layers: layers))
    }

    @Test func earlierLayersWin() throws {
        #expect(try render("{{a}}{{b}}{{c}}", ["a": 1], ["a": 2, "b": 2], ["a": 3, "b": 3, "c": 3]) == "123")
        // null is no value, in whatever layer it stands.
        #expect(try render("{{a}}", ["a": .null], ["a": 2]) == "2")
        #expect(try render("{{o.a}}{{o.b}}", ["o": ["a": 1]], ["o": ["a": 2, "b": 2]]) == "12")
        #expect(try render("{{a.b}}", ["a": "text"], ["a": ["b": 2]]) == "2")
    }

    @Test func namesMatchExactlyFirstThenWithoutCase() throws {
        #expect(try render("{{firstName}}", ["FIRSTNAME": 1, "firstName": 2]) == "2")
        #expect(try render("{{firstName}}", ["FIRSTNAME": 1, "firstname": 3]) == "1")
        #expect(try render("{{first_name}}", ["FIRST_NAME": 1]) == "1")
        #expect(try render("{{STRASSE}}{{ÄRA}}", ["ära": 1]) == "1")
        #expect(try render("{{o.A}}", ["O": ["a": 1]]) == "1")
        #expect(try render("{{a}}", ["a": .null, "A": 1]) == "1")
        // An earlier layer wins even when it only matches without case.
        #expect(try render("{{plan}}", ["PLAN": 1], ["plan": 2]) == "1")
        // Bytes that differ by 0x20 without being letters are different.
        #expect(try render("({{a@}}{{a[}})", ["a`": 1, "a{": 2]) == "()")
        #expect(try render("{{#s}}{{X}}{{/s}}", ["s": ["x": 1], "X": 2]) == "1")
    }

    @Test(
        arguments: [
            ("text", "text"), (5, "5"), (-3, "-3"), (250.0, "250"), (0.1, "0.1"), (1e21, "1e+21"), (-0.0, "0"),
            (true, "true"),
            (false, "false"), (["vip", 3, true], "vip, 3, true"), ([], ""), ([[1], 2], "[[1],2]"),
            (["a": [1]], #"{"a":[1]}"#),
            (9_007_199_254_740_992.0, "9007199254740992.0"), (-9_007_199_254_740_991.0, "-9007199254740991"),
            (-9_007_199_254_740_992.0, "-9007199254740992.0"),
            // The one whole number that has no magnitude within Int64.
            (-9_223_372_036_854_775_808.0, "-9.223372036854776e+18"), (.integer(.min), "-9223372036854775808"),
        ] as [(JSONValue, String)])
    func insertsEveryKind(_ value: JSONValue, _ expected: String) throws {
        #expect(try render("{{x}}", ["x": value]) == expected)
    }

    @Test func emptyTextIsFalse() throws {
        #expect(try render("{{#x}}yes{{/x}}{{^x}}no{{/x}}", ["x": ""]) == "no")
        #expect(try render("{{#x}}yes{{/x}}{{^x}}no{{/x}}", ["x": 0]) == "yes")
        #expect(try render("{{#x}}yes{{/x}}{{^x}}no{{/x}}", ["x": [:]]) == "yes")
        #expect(try render("{{#x}}({{.}}){{/x}}", ["x": ["a", .null, ""]]) == "(a)()()")
    }

    @Test func missingCountsWhatIsRendered() throws {
        let program = try TemplateProgram(
            parsing: """
                {{a}}{{a}}{{b.c}}{{d | default: 1}}{{#on}}{{e}}{{/on}}{{#off}}{{f}}{{/off}}{{^off}}{{g}}{{/off}}\
                {{#list}}{{h}}{{.}}{{/list}}{{UNSUBSCRIBE_URL}}{{i}}{{j | upper}}
                """, escaping: .html)
        let values = TemplateValues(["on": true, "list": [["h": 1], ["k": 2]], "i": "", "j": .null])
        #expect(program.missing(in: values) == ["a", "b.c", "e", "g", "h", "j"])
        #expect(try program.render(values) == "11{&quot;h&quot;:1}{&quot;k&quot;:2}")
        #expect(program.missing(in: TemplateValues(["a": 1, "b": ["c": 1], "g": 1, "i": 1, "j": 1])).isEmpty)
    }

    @Test func outputIsBounded() throws {
        let program = try TemplateProgram(parsing: "12{{x}}34", escaping: .html)
        #expect(try program.render(TemplateValues(["x": "56"]), limit: 6) == "125634")
        for (value, limit) in [("56", 5), ("56", 4), ("56", 3), ("56", 1), ("<", 7)] as [(JSONValue, Int)] {
            #expect(throws: TemplateRenderError(.outputTooLarge)) {
                try program.render(TemplateValues(["x": value]), limit: limit)
            }
        }
        let items = JSONValue.array(Array(repeating: .string(String(repeating: "x", count: 1024)), count: 1025))
        let list = try TemplateProgram(parsing: "{{#items}}{{.}}{{/items}}", escaping: .none)
        #expect(throws: TemplateRenderError(.outputTooLarge)) { try list.render(TemplateValues(["items": items])) }
        #expect(try list.render(TemplateValues(["items": items]), limit: 1025 * 1024).utf8.count == 1025 * 1024)
    }

    /// Ten nested sections over 100 elements would be 10^20 steps that write nothing.
    @Test func stepsAreBounded() throws {
        let nested = String(repeating: "{{#a}}", count: 10) + String(repeating: "{{/a}}", count: 10)
        let program = try TemplateProgram(parsing: nested, escaping: .none)
        let values = TemplateValues(["a": .array(Array(repeating: 1, count: 100))])
        #expect(throws: TemplateRenderError(.tooManySteps)) { try program.render(values) }
        #expect(program.missing(in: values).isEmpty)
        // Elements count even where a section has no contents.
        let flat = try TemplateProgram(parsing: "{{#a}}{{/a}}", escaping: .none)
        #expect(throws: TemplateRenderError(.tooManySteps)) {
            try flat.render(TemplateValues(["a": .array(Array(repeating: 1, count: 200_000))]))
        }
        #expect(try flat.render(TemplateValues(["a": .array(Array(repeating: 1, count: 100_000))])).isEmpty)
    }

    /// A look-up that walks over many members is more than one step, in a layer of values as in an item.
    @Test(arguments: ["zz", "zé"])
    func lookupsWithoutCaseAreBounded(_ name: String) throws {
        var big = JSONObject()
        for index in 0..<10_000 {
            big["member \(index)"] = 1
        }
        let items = JSONValue.array(Array(repeating: 1, count: 1000))
        let inLayer = try TemplateProgram(parsing: "{{#a}}{{\(name)}}{{/a}}", escaping: .none)
        #expect(throws: TemplateRenderError(.tooManySteps)) {
            try inLayer.render(TemplateValues(["a": items], big))
        }
        let inItem = try TemplateProgram(parsing: "{{#big}}{{#a}}{{\(name)}}{{/a}}{{/big}}", escaping: .none)
        #expect(throws: TemplateRenderError(.tooManySteps)) {
            try inItem.render(TemplateValues(["a": items, "big": .object(big)]))
        }
        let nested = try TemplateProgram(parsing: "{{#a}}{{o.\(name)}}{{/a}}", escaping: .none)
        #expect(throws: TemplateRenderError(.tooManySteps)) {
            try nested.render(TemplateValues(["a": items, "o": .object(big)]))
        }
        // The exact name is found without a walk.
        big[name] = "x"
        #expect(try inLayer.render(TemplateValues(["a": items], big)).utf8.count == 1000)
    }

    /// A list of a size that an email may well have, whose names need the walk each time.
    @Test func longListsWithoutCaseStayWithinTheSteps() throws {
        var contact = JSONObject()
        for index in 0..<30 {
            contact["FIELD_\(index)"] = 1
        }
        let item: JSONValue = ["NAME": "a", "PRICE": 2, "AMOUNT": 3]
        let program = try TemplateProgram(parsing: "{{#a}}{{name}}{{price}}{{amount}}{{zz}}{{/a}}", escaping: .none)
        let values = TemplateValues(["a": .array(Array(repeating: item, count: 5000))], contact)
        #expect(try program.render(values).utf8.count == 15_000)
    }

    /// Filters may read a long text again and again of which nothing is written.
    @Test func filtersAreBounded() throws {
        let digits = JSONValue.string("0." + String(repeating: "0", count: 100_000) + "1")
        let items = JSONValue.array(Array(repeating: 1, count: 1000))
        for tag in ["{{x | number: 0}}", "{{list | upper | number: 0}}"] {
            let program = try TemplateProgram(parsing: "{{#a}}\(tag){{/a}}", escaping: .none)
            #expect(throws: TemplateRenderError(.tooManySteps)) {
                try program.render(TemplateValues(["a": items, "x": digits, "list": [digits]]))
            }
        }
    }

    /// Each use of a missing name reads it.
    @Test func longNamesAreBounded() throws {
        let name = String(repeating: "n", count: 100_000)
        let items = JSONValue.array(Array(repeating: 1, count: 1000))
        for path in [name, "o.\(name)"] {
            let program = try TemplateProgram(parsing: "{{#a}}{{\(path)}}{{/a}}", escaping: .none)
            #expect(throws: TemplateRenderError(.tooManySteps)) {
                try program.render(TemplateValues(["a": items]))
            }
        }
    }

    @Test func escapesOnlyInHTML() throws {
        let template = "{{x}} {{{x}}} {{&x}}"
        let values = TemplateValues(["x": "a<b>&\"'é"])
        #expect(
            try TemplateProgram(parsing: template, escaping: .html).render(values)
                == "a&lt;b&gt;&amp;&quot;&#39;é a<b>&\"'é a<b>&\"'é")
        #expect(
            try TemplateProgram(parsing: template, escaping: .none).render(values) == "a<b>&\"'é a<b>&\"'é a<b>&\"'é")
    }

    @Test func valuesAreNeverParsed() throws {
        #expect(try render("{{x}}{{{x}}}", ["x": "{{y}}{{#z}}", "y": 1]) == "{{y}}{{#z}}{{y}}{{#z}}")
    }
}
