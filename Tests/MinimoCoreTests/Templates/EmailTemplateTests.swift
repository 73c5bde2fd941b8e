import MinimoCore
import Testing
import Wire

struct EmailTemplateTests {
    private static let hidden =
        #"<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;opacity:0;font-size:0;line-height:0">"#

    @Test func rendersEveryPart() throws {
        let template = try CompiledEmailTemplate(
            EmailTemplateSource(
                subject: "Hi {{name}} & co", preheader: "Order {{order.id}}",
                html: "<html><body class=\"a\">\n<p>{{name}}</p><a href=\"{{UNSUBSCRIBE_URL}}\">x</a></body></html>",
                text: "{{name}} {{city | default: \"there\"}} {{zip}}"))
        #expect(template.variables.map(\.name) == ["name", "order.id", "city", "zip"])
        #expect(template.variables.map(\.hasDefault) == [false, false, true, false])
        let values = TemplateValues(["name": "Tom & <Jerry>"], ["UNSUBSCRIBE_URL": "https://m.example/u?a=1&b=2"])
        #expect(template.missing(in: values) == ["order.id", "zip"])
        let email = try template.render(values)
        #expect(
            email
                == RenderedEmail(
                    subject: "Hi Tom & <Jerry> & co", preheader: "Order ",
                    html: "<html><body class=\"a\">\(Self.hidden)Order </div>\n<p>Tom &amp; &lt;Jerry&gt;</p>"
                        + "<a href=\"https://m.example/u?a=1&amp;b=2\">x</a></body></html>",
                    text: "Tom & <Jerry> there ", missing: ["order.id", "zip"]))
    }

    @Test func partsMayBeAbsent() throws {
        let email = try CompiledEmailTemplate(EmailTemplateSource(subject: "S", text: "T")).render(TemplateValues())
        #expect(email == RenderedEmail(subject: "S", text: "T"))
        let preheaderOnly = try CompiledEmailTemplate(EmailTemplateSource(subject: "S", preheader: "P"))
        #expect(try preheaderOnly.render(TemplateValues()) == RenderedEmail(subject: "S", preheader: "P"))
    }

    @Test func syntaxErrorsNameThePart() {
        let broken = "ok\n{{"
        let error = TemplateSyntaxError(line: 2, column: 1, message: "The tag is never closed.")
        func compile(_ source: EmailTemplateSource) throws { _ = try CompiledEmailTemplate(source) }
        #expect(throws: EmailTemplateError(part: .subject, error: error)) { try compile(.init(subject: broken)) }
        #expect(throws: EmailTemplateError(part: .preheader, error: error)) {
            try compile(.init(subject: "S", preheader: broken))
        }
        #expect(throws: EmailTemplateError(part: .html, error: error)) {
            try compile(.init(subject: "S", html: broken))
        }
        #expect(throws: EmailTemplateError(part: .text, error: error)) {
            try compile(.init(subject: "S", text: broken))
        }
    }

    @Test(arguments: ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\0b", "\n"])
    func subjectsWithLineBreaksAreRefused(_ value: String) throws {
        let template = try CompiledEmailTemplate(EmailTemplateSource(subject: "Hi {{name}}", text: "{{name}}"))
        #expect(throws: TemplateRenderError(.lineBreakInSubject, part: .subject)) {
            try template.render(TemplateValues(["name": .string(value)]))
        }
        #expect(try template.render(TemplateValues(["name": "ok"])).subject == "Hi ok")
    }

    @Test(arguments: [("Hi\nthere", 1, 3), ("{{a}}\r\n", 1, 6), ("{{a\n}}x\0", 2, 4)])
    func subjectsAreWrittenOnOneLine(_ subject: String, _ line: Int, _ column: Int) {
        let error = TemplateSyntaxError(
            line: line, column: column, message: "A subject must not contain line breaks or NUL.")
        #expect(throws: EmailTemplateError(part: .subject, error: error)) {
            try CompiledEmailTemplate(EmailTemplateSource(subject: subject))
        }
    }

    @Test func renderErrorsNameThePart() throws {
        let template = try CompiledEmailTemplate(EmailTemplateSource(subject: "S", html: "{{x}}", text: "{{y}}"))
        #expect(throws: TemplateRenderError(.outputTooLarge, part: .html)) {
            try template.render(TemplateValues(["x": "12345"]), limit: 4)
        }
        #expect(throws: TemplateRenderError(.outputTooLarge, part: .text)) {
            try template.render(TemplateValues(["y": "12345"]), limit: 4)
        }
    }

    @Test(arguments: [
        ("<body>x", 6), ("<BODY BGCOLOR='>'>x", 18), ("x<body\n>y", 8), ("<body/>", 7), ("no tag", 0), ("", 0),
        ("<bodyguard>", 0),
        ("<body", 0), ("<!-- <body> --><body>", 21),
        ("<!--[if mso]><body class=\"m\"><![endif]--><!--[if !mso]><!--><body>", 66),
        ("<!-- <body>", 0), ("<!--><body>", 11), ("<head><title>a < b</title></head><body id=1>x", 44),
    ])
    func preheaderGoesBehindTheBodyTag(_ html: String, _ offset: Int) throws {
        let template = try CompiledEmailTemplate(EmailTemplateSource(subject: "S", preheader: "<3", html: html))
        let expected = html.prefix(offset) + Self.hidden + "&lt;3</div>" + html.dropFirst(offset)
        #expect(try template.render(TemplateValues()).html == String(expected))
    }

    @Test func emptyPreheadersChangeNothing() throws {
        let template = try CompiledEmailTemplate(EmailTemplateSource(subject: "S", preheader: "{{p}}", html: "<body>x"))
        #expect(try template.render(TemplateValues(["p": ""])).html == "<body>x")
    }
}
