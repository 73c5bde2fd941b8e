import MinimoCore
import Testing

struct TemplateSyntaxTests {
    @Test(arguments: [
        ("{{", 1, 1, "The tag is never closed."), ("a\n b{{name", 2, 3, "The tag is never closed."),
        ("{{name}", 1, 7, "Expected “}}” here."), ("{{{name}}", 1, 8, "Expected “}}}” here."),
        ("{{}}", 1, 3, "Expected the name of a variable here."),
        ("{{ }}", 1, 4, "Expected the name of a variable here."),
        ("{{a b}}", 1, 5, "Expected “}}” here."), ("èa{{<b>}}", 1, 3, "Templates cannot include other templates."),
        ("{{> header}}", 1, 1, "Templates cannot include other templates."),
        ("x\r\n{{=<% %>=}}", 2, 1, "The delimiters cannot be changed."),
        ("{{first<b>Name</b>}}", 1, 8, "Expected “}}” here."),
        ("{{.a}}", 1, 3, "A name must not begin with a dot or contain two in a row."),
        ("{{a..b}}", 1, 5, "A name must not begin with a dot or contain two in a row."),
        ("{{a.}}", 1, 4, "A name must not end with a dot."),
        ("{{.}}", 1, 3, "“.” means the item of a section and is used outside of one."),
        ("{{#.}}{{/.}}", 1, 4, "“.” means the item of a section and is used outside of one."),
        ("{{#a}}\n{{b}}", 1, 1, "The section “a” is never closed."),
        ("{{/a}}", 1, 1, "The section “a” is closed but was not opened."),
        ("{{#a}}{{#b}}{{/a}}{{/b}}", 1, 13, "The section “b” must be closed before “a”."),
        ("{{#a | upper}}{{/a}}", 1, 6, "Expected “}}” here."), ("{{! never", 1, 1, "The comment is never closed."),
        ("{{a | }}", 1, 7, "Expected the name of a filter here."),
        ("{{a | shout}}", 1, 7, "There is no filter “shout”."),
        ("{{a | default}}", 1, 7, "The filter “default” needs an argument."),
        ("{{a | upper: 1}}", 1, 14, "The filter “upper” takes no argument."),
        ("{{a | default: there}}", 1, 16, "Expected a quoted text or a number here."),
        ("{{a | default: \"there}}", 1, 16, "The text is never closed."),
        ("{{a | default: \"\\n\"}}", 1, 17, "A backslash must stand before a quote or a backslash."),
        ("{{a | default: &quot;x&quot;}}", 1, 16, "Expected a quoted text or a number here."),
        ("{{a | number: 11}}", 1, 15, "The number of decimals must be 0 to 10."),
        ("{{a | number: \"x\"}}", 1, 15, "The number of decimals must be 0 to 10."),
        ("{{a | date: \"YYYY\"}}", 1, 13, "“YYYY” is no date field."),
        ("{{a | date: \"yyyyy\"}}", 1, 13, "“yyyyy” is no date field."),
        ("{{a | date: \"d 'of\"}}", 1, 13, "The date pattern has an unclosed quote."),
        ("é😀\n😀😀{{}}", 2, 5, "Expected the name of a variable here."),
    ])
    func errorsHaveLineAndColumn(_ template: String, _ line: Int, _ column: Int, _ message: String) {
        #expect(throws: TemplateSyntaxError(line: line, column: column, message: message)) {
            try TemplateProgram(parsing: template, escaping: .none)
        }
    }

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "{{#a}}", count: depth) + String(repeating: "{{/a}}", count: depth)
        }
        #expect(throws: Never.self) { try TemplateProgram(parsing: nested(32), escaping: .none) }
        #expect(throws: TemplateSyntaxError(line: 1, column: 193, message: "Sections are nested more than 32 deep.")) {
            try TemplateProgram(parsing: nested(33), escaping: .none)
        }
    }

    @Test func listsVariablesInOrderOfAppearance() throws {
        let program = try TemplateProgram(
            parsing: """
                {{b}} {{a.x | default: "-"}} {{#s}}{{c}} {{b}} {{.}} {{d | upper}}{{/s}} {{^t}}{{e | default: 1}}{{/t}}
                {{a.x}} {{d}} {{UNSUBSCRIBE_URL}} {{preferences_url}} {{{FAKE_IMAGE_URL}}} {{f | upper | default: "x"}}
                """, escaping: .html)
        #expect(
            program.variables == [
                TemplateVariable(name: "b", hasDefault: false, isOnlyInSections: false),
                TemplateVariable(name: "a.x", hasDefault: false, isOnlyInSections: false),
                TemplateVariable(name: "c", hasDefault: false, isOnlyInSections: true),
                TemplateVariable(name: "d", hasDefault: false, isOnlyInSections: false),
                TemplateVariable(name: "e", hasDefault: true, isOnlyInSections: true),
                TemplateVariable(name: "f", hasDefault: true, isOnlyInSections: false),
            ])
    }

    @Test func bracesThatAreNoTagsStandForThemselves() throws {
        for text in ["{", "}", "}}", "a { b } c", "{a{b}}", "body{color:red}}"] {
            #expect(try TemplateProgram(parsing: text, escaping: .html).render(TemplateValues()) == text)
        }
    }
}
