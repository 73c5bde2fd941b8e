import MinimoCore
import Testing
import Wire

/// The cases of the Mustache specification for the parts of it that the language has: interpolation, sections, inverted
/// sections and comments. Expected texts differ from it only where `'` is escaped.
struct MustacheSpecificationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let data: String
        let template: String
        let expected: String

        init(_ name: String, _ data: String, _ template: String, _ expected: String) {
            (self.name, self.data, self.template, self.expected) = (name, data, template, expected)
        }

        var testDescription: String { name }
    }

    private func render(_ test: Case) throws -> String {
        let data = try #require(try JSONValue(parsing: test.data).objectValue)
        return try TemplateProgram(parsing: test.template, escaping: .html).render(TemplateValues(data))
    }

    @Test(arguments: [
        Case("No interpolation", "{}", "Hello from {Mustache}!\n", "Hello from {Mustache}!\n"),
        Case("Basic", #"{"subject":"world"}"#, "Hello, {{subject}}!\n", "Hello, world!\n"),
        Case("No re-interpolation", #"{"t":"{{planet}}","planet":"Earth"}"#, "{{t}}: {{planet}}", "{{planet}}: Earth"),
        Case("HTML escaping", #"{"f":"& \" < >"}"#, "these: {{f}}\n", "these: &amp; &quot; &lt; &gt;\n"),
        Case("Triple", #"{"f":"& \" < >"}"#, "these: {{{f}}}\n", "these: & \" < >\n"),
        Case("Ampersand", #"{"f":"& \" < >"}"#, "these: {{&f}}\n", "these: & \" < >\n"),
        Case("Integer", #"{"mph":85}"#, #""{{mph}} miles an hour!""#, #""85 miles an hour!""#),
        Case("Triple integer", #"{"mph":85}"#, "{{{mph}}} {{&mph}}", "85 85"),
        Case("Decimal", #"{"power":1.210}"#, "{{power}} {{{power}}} {{&power}}", "1.21 1.21 1.21"),
        Case("Null", #"{"cannot":null}"#, "I ({{cannot}}) be seen!", "I () be seen!"),
        Case("Context miss", "{}", "I ({{cannot}}{{{cannot}}}{{&cannot}}) be seen!", "I () be seen!"),
        Case(
            "Dotted", #"{"person":{"name":"Joe"}}"#, "{{person.name}} {{{person.name}}} {{&person.name}}", "Joe Joe Joe"
        ),
        Case("Dotted depth", #"{"a":{"b":{"c":{"d":{"e":{"name":"Phil"}}}}}}"#, "{{a.b.c.d.e.name}}", "Phil"),
        Case("Broken chain", #"{"a":{}}"#, "({{a.b.c}})", "()"),
        Case("Broken chain resolution", #"{"a":{"b":{}},"c":{"name":"Jim"}}"#, "({{a.b.c.name}})", "()"),
        Case(
            "Dotted initial resolution", #"{"a":{"b":{"c":{"name":"Phil"}}},"b":{"c":{"name":"Wrong"}}}"#,
            "{{#a}}{{b.c.name}}{{/a}}", "Phil"),
        Case("Dotted context precedence", #"{"a":{"b":{}},"b":{"c":"ERROR"}}"#, "{{#a}}{{b.c}}{{/a}}", ""),
        Case("Dotted names are never single keys", #"{"a.b":"c"}"#, "({{a.b}})", "()"),
        Case("No masking", #"{"a.b":"c","a":{"b":"d"}}"#, "{{a.b}}", "d"),
        Case("Surrounding white space", #"{"s":"---"}"#, "| {{s}} | {{{s}}} | {{&s}} |", "| --- | --- | --- |"),
        Case("Standalone", #"{"s":"---"}"#, "  {{s}}\n  {{{s}}}\n  {{&s}}\n", "  ---\n  ---\n  ---\n"),
        Case("Padding", #"{"s":"---"}"#, "|{{ s }}|{{{ s }}}|{{& s }}|{{\ts\n}}|", "|---|---|---|---|"),
    ])
    func interpolation(_ test: Case) throws {
        #expect(try render(test) == test.expected)
    }

    @Test(arguments: [
        Case("Truthy", #"{"b":true}"#, #""{{#b}}This should be rendered.{{/b}}""#, #""This should be rendered.""#),
        Case("Falsey", #"{"b":false}"#, #""{{#b}}This should not be rendered.{{/b}}""#, #""""#),
        Case("Null is falsey", #"{"n":null}"#, "({{#n}}x{{/n}})", "()"),
        Case("Context", #"{"c":{"name":"Joe"}}"#, "{{#c}}Hi {{name}}.{{/c}}", "Hi Joe."),
        Case(
            "Parent contexts", #"{"a":"foo","b":"wrong","sec":{"b":"bar"},"c":{"d":"baz"}}"#,
            "{{#sec}}{{a}}, {{b}}, {{c.d}}{{/sec}}", "foo, bar, baz"),
        Case("Variable test", #"{"foo":"bar"}"#, "{{#foo}}{{.}} is {{foo}}{{/foo}}", "bar is bar"),
        Case(
            "List contexts",
            #"{"tops":[{"tname":{"upper":"A","lower":"a"},"middles":[{"mname":"1","bottoms":[{"bname":"x"},{"bname":"y"}]}]}]}"#,
            "{{#tops}}{{#middles}}{{tname.lower}}{{mname}}.{{#bottoms}}{{tname.upper}}{{mname}}{{bname}}.{{/bottoms}}{{/middles}}{{/tops}}",
            "a1.A1x.A1y."),
        Case(
            "Deeply nested contexts",
            #"{"a":{"one":1},"b":{"two":2},"c":{"three":3,"d":{"four":4,"five":5}}}"#,
            """
            {{#a}}
            {{one}}
            {{#b}}
            {{one}}{{two}}{{one}}
            {{#c}}
            {{one}}{{two}}{{three}}{{two}}{{one}}
            {{#d}}
            {{one}}{{two}}{{three}}{{four}}{{three}}{{two}}{{one}}
            {{#five}}
            {{one}}{{two}}{{three}}{{four}}{{five}}{{four}}{{three}}{{two}}{{one}}
            {{one}}{{two}}{{three}}{{four}}{{.}}6{{.}}{{four}}{{three}}{{two}}{{one}}
            {{one}}{{two}}{{three}}{{four}}{{five}}{{four}}{{three}}{{two}}{{one}}
            {{/five}}
            {{one}}{{two}}{{three}}{{four}}{{three}}{{two}}{{one}}
            {{/d}}
            {{one}}{{two}}{{three}}{{two}}{{one}}
            {{/c}}
            {{one}}{{two}}{{one}}
            {{/b}}
            {{one}}
            {{/a}}

            """, "1\n121\n12321\n1234321\n123454321\n12345654321\n123454321\n1234321\n12321\n121\n1\n"),
        Case("List", #"{"list":[{"item":1},{"item":2},{"item":3}]}"#, #""{{#list}}{{item}}{{/list}}""#, #""123""#),
        Case("Empty list", #"{"list":[]}"#, "({{#list}}Yay lists!{{/list}})", "()"),
        Case(
            "Doubled", #"{"b":true,"two":"second"}"#,
            "{{#b}}\n* first\n{{/b}}\n* {{two}}\n{{#b}}\n* third\n{{/b}}\n", "* first\n* second\n* third\n"),
        Case("Nested (truthy)", #"{"b":true}"#, "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", "| A B C D E |"),
        Case("Nested (falsey)", #"{"b":false}"#, "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", "| A  E |"),
        Case("Context miss", "{}", "[{{#missing}}Found key 'missing'!{{/missing}}]", "[]"),
        Case("Implicit iterator, strings", #"{"list":["a","b","c"]}"#, "{{#list}}({{.}}){{/list}}", "(a)(b)(c)"),
        Case("Implicit iterator, integers", #"{"list":[1,2,3]}"#, "{{#list}}({{.}}){{/list}}", "(1)(2)(3)"),
        Case("Implicit iterator, decimals", #"{"list":[1.10,2.20]}"#, "{{#list}}({{.}}){{/list}}", "(1.1)(2.2)"),
        Case(
            "Implicit iterator, arrays", #"{"list":[[1,2,3],["a","b","c"]]}"#,
            "{{#list}}({{#.}}{{.}}{{/.}}){{/list}}", "(123)(abc)"),
        Case(
            "Implicit iterator, escaping", #"{"list":["&","<"]}"#, "{{#list}}({{.}}{{{.}}}{{&.}}){{/list}}",
            "(&amp;&&)(&lt;<<)"),
        Case("Dotted truthy", #"{"a":{"b":{"c":true}}}"#, "{{#a.b.c}}Here{{/a.b.c}}", "Here"),
        Case("Dotted falsey", #"{"a":{"b":{"c":false}}}"#, "({{#a.b.c}}Here{{/a.b.c}})", "()"),
        Case("Dotted broken chain", #"{"a":{}}"#, "({{#a.b.c}}Here{{/a.b.c}})", "()"),
        Case("Surrounding white space", #"{"b":true}"#, " | {{#b}}\t|\t{{/b}} | \n", " | \t|\t | \n"),
        Case("Internal white space", #"{"b":true}"#, " | {{#b}} {{! Important }}\n {{/b}} | \n", " |  \n  | \n"),
        Case("Indented inline", #"{"b":true}"#, " {{#b}}YES{{/b}}\n {{#b}}GOOD{{/b}}\n", " YES\n GOOD\n"),
        Case(
            "Standalone lines", #"{"b":true}"#, "| This Is\n{{#b}}\n|\n{{/b}}\n| A Line\n", "| This Is\n|\n| A Line\n"),
        Case(
            "Indented standalone lines", #"{"b":true}"#, "| This Is\n  {{#b}}\n|\n  {{/b}}\n| A Line\n",
            "| This Is\n|\n| A Line\n"),
        Case("Standalone line endings", #"{"b":true}"#, "|\r\n{{#b}}\r\n{{/b}}\r\n|", "|\r\n|"),
        Case("Standalone without previous line", #"{"b":true}"#, "  {{#b}}\n#{{/b}}\n/", "#\n/"),
        Case("Standalone without new line", #"{"b":true}"#, "#{{#b}}\n/\n  {{/b}}", "#\n/\n"),
        Case("Padding", #"{"b":true}"#, "|{{# b }}={{/ b }}|", "|=|"),
    ])
    func sections(_ test: Case) throws {
        #expect(try render(test) == test.expected)
    }

    @Test(arguments: [
        Case("Falsey", #"{"b":false}"#, "({{^b}}This should be rendered.{{/b}})", "(This should be rendered.)"),
        Case("Truthy", #"{"b":true}"#, "({{^b}}This should not be rendered.{{/b}})", "()"),
        Case("Null is falsey", #"{"n":null}"#, "({{^n}}x{{/n}})", "(x)"),
        Case("Context", #"{"c":{"name":"Joe"}}"#, "({{^c}}Hi {{name}}.{{/c}})", "()"),
        Case("List", #"{"list":[{"n":1},{"n":2}]}"#, "({{^list}}{{n}}{{/list}})", "()"),
        Case("Empty list", #"{"list":[]}"#, "({{^list}}Yay lists!{{/list}})", "(Yay lists!)"),
        Case(
            "Doubled", #"{"b":false,"two":"second"}"#,
            "{{^b}}\n* first\n{{/b}}\n* {{two}}\n{{^b}}\n* third\n{{/b}}\n", "* first\n* second\n* third\n"),
        Case("Nested (falsey)", #"{"b":false}"#, "| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |", "| A B C D E |"),
        Case("Nested (truthy)", #"{"b":true}"#, "| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |", "| A  E |"),
        Case("Context miss", "{}", "[{{^missing}}Cannot find key{{/missing}}]", "[Cannot find key]"),
        Case("Dotted truthy", #"{"a":{"b":{"c":true}}}"#, "({{^a.b.c}}Not here{{/a.b.c}})", "()"),
        Case("Dotted falsey", #"{"a":{"b":{"c":false}}}"#, "({{^a.b.c}}Not here{{/a.b.c}})", "(Not here)"),
        Case("Dotted broken chain", #"{"a":{}}"#, "({{^a.b.c}}Not here{{/a.b.c}})", "(Not here)"),
        Case("Surrounding white space", #"{"b":false}"#, " | {{^b}}\t|\t{{/b}} | \n", " | \t|\t | \n"),
        Case("Internal white space", #"{"b":false}"#, " | {{^b}} {{! Important }}\n {{/b}} | \n", " |  \n  | \n"),
        Case("Indented inline", #"{"b":false}"#, " {{^b}}NO{{/b}}\n {{^b}}WAY{{/b}}\n", " NO\n WAY\n"),
        Case(
            "Standalone lines", #"{"b":false}"#, "| This Is\n{{^b}}\n|\n{{/b}}\n| A Line\n", "| This Is\n|\n| A Line\n"),
        Case("Standalone line endings", #"{"b":false}"#, "|\r\n{{^b}}\r\n{{/b}}\r\n|", "|\r\n|"),
        Case("Standalone without previous line", #"{"b":false}"#, "  {{^b}}\n^{{/b}}\n/", "^\n/"),
        Case("Standalone without new line", #"{"b":false}"#, "^{{^b}}\n/\n  {{/b}}", "^\n/\n"),
        Case("Padding", #"{"b":false}"#, "|{{^ b }}={{/ b }}|", "|=|"),
    ])
    func invertedSections(_ test: Case) throws {
        #expect(try render(test) == test.expected)
    }

    @Test(arguments: [
        Case("Inline", "{}", "12345{{! Comment Block! }}67890\n", "1234567890\n"),
        Case("Multiline", "{}", "12345{{!\n  This is a\n  multi-line comment...\n}}67890\n", "1234567890\n"),
        Case("Standalone", "{}", "Begin.\n{{! Comment Block! }}\nEnd.\n", "Begin.\nEnd.\n"),
        Case("Indented standalone", "{}", "Begin.\n  {{! Indented Comment Block! }}\nEnd.\n", "Begin.\nEnd.\n"),
        Case("Standalone line endings", "{}", "|\r\n{{! Standalone Comment }}\r\n|", "|\r\n|"),
        Case("Standalone without previous line", "{}", "  {{! I'm Still Standalone }}\n!", "!"),
        Case("Standalone without new line", "{}", "!\n  {{! I'm Still Standalone }}", "!\n"),
        Case("Multiline standalone", "{}", "Begin.\n{{!\nSomething's going on here...\n}}\nEnd.\n", "Begin.\nEnd.\n"),
        Case(
            "Indented multiline standalone", "{}", "Begin.\n  {{!\n    Something's going on\n  }}\nEnd.\n",
            "Begin.\nEnd.\n"),
        Case("Indented inline", "{}", "  12 {{! 34 }}\n", "  12 \n"),
        Case("Surrounding white space", "{}", "12345 {{! Comment Block! }} 67890", "12345  67890"),
        Case(
            "Variable name collision", ##"{"! comment":1,"! comment ":2,"!comment":3,"comment":4}"##,
            "comments never show: >{{! comment }}<", "comments never show: ><"),
    ])
    func comments(_ test: Case) throws {
        #expect(try render(test) == test.expected)
    }
}
