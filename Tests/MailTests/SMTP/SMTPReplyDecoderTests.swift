import NIOCore
import NIOTestUtils
import Testing

@testable import Mail

@Suite struct SMTPReplyDecoderTests {
    @Test func decodesWhateverTheSegmentation() throws {
        let long = String(repeating: "x", count: 2_000)
        let pairs: [(String, [SMTPServerReply])] = [
            ("250 Ok\r\n", [.init(code: 250, lines: ["Ok"])]),
            ("250\r\n", [.init(code: 250, lines: [""])]),
            ("250 \r\n", [.init(code: 250, lines: [""])]),
            ("354 Go\n", [.init(code: 354, lines: ["Go"])]),
            (
                "250-fake.example\r\n250-SIZE 1\r\n250 AUTH PLAIN\r\n",
                [.init(code: 250, lines: ["fake.example", "SIZE 1", "AUTH PLAIN"])]
            ),
            ("250-\r\n250\r\n", [.init(code: 250, lines: ["", ""])]),
            ("550 5.1.1 Grüße\r\n", [.init(code: 550, lines: ["5.1.1 Grüße"])]),
            ("250 \(long)\r\n", [.init(code: 250, lines: [long])]),
            (
                "250 a\r\n250 b\r\n550 c\r\n",
                [.init(code: 250, lines: ["a"]), .init(code: 250, lines: ["b"]), .init(code: 550, lines: ["c"])]
            ),
        ]
        try ByteToMessageDecoderVerifier.verifyDecoder(stringInputOutputPairs: pairs) { SMTPReplyDecoder() }
    }

    @Test(
        arguments: [
            ("hello\r\n", .malformedLine), ("\r\n", .malformedLine), ("25\r\n", .malformedLine),
            ("150 x\r\n", .malformedLine),
            ("650 x\r\n", .malformedLine), ("2x0 x\r\n", .malformedLine), ("250_x\r\n", .malformedLine),
            ("SSH-2.0-x\r\n", .malformedLine),
            ("250-a\r\n251 b\r\n", .codesDiffer), ("250-a\r\nb\r\n", .malformedLine),
            (String(repeating: "250-x\r\n", count: 129), .tooManyLines),
            ("250 " + String(repeating: "x", count: 2_045), .lineTooLong),
            ("250 " + String(repeating: "x", count: 3_000) + "\r\n", .lineTooLong),
        ] as [(String, SMTPReplyDecodingError.Code)])
    func refuses(_ text: String, _ code: SMTPReplyDecodingError.Code) {
        #expect(throws: SMTPReplyDecodingError(code)) {
            var decoder = SMTPReplyDecoder()
            var buffer = ByteBuffer(string: text)
            while try decoder.decode(buffer: &buffer) != nil {}
        }
    }

    @Test func mostLines() throws {
        var decoder = SMTPReplyDecoder()
        var buffer = ByteBuffer(string: String(repeating: "250-x\r\n", count: 127) + "250 x\r\n")
        #expect(try decoder.decode(buffer: &buffer)?.lines.count == 128)
    }

    @Test func replyText() {
        let reply = SMTPReply(
            SMTPServerReply(code: 550, lines: ["5.1.1 The account", "5.1.1 does not\u{7} exist.", ""]))
        #expect(reply.code == 550)
        #expect(reply.enhanced == EnhancedStatusCode(5, 1, 1))
        #expect(reply.text == "The account does not  exist.")
        #expect(reply.description == "550 5.1.1")
        #expect(!reply.isLocal)
        #expect(SMTPReply(SMTPServerReply(code: 250, lines: [String(repeating: "ä", count: 600)])).text.count == 500)
        #expect(SMTPReply(SMTPServerReply(code: 250, lines: ["2.0.0"])).text == "")
    }

    @Test(
        arguments: [
            ("5.1.1 x", EnhancedStatusCode(5, 1, 1)), ("4.7.999", EnhancedStatusCode(4, 7, 999)), ("5.1.1x", nil),
            ("5.1", nil), ("3.1.1 x", nil),
            ("5.1.1000 x", nil), ("5..1 x", nil), ("", nil), ("5.1.1.1 x", nil), (".5.1.1", nil),
        ] as [(String, EnhancedStatusCode?)])
    func enhancedCodes(_ text: String, _ code: EnhancedStatusCode?) {
        #expect(EnhancedStatusCode.parse(text.utf8)?.code == code)
    }
}
