import NIOCore
import Testing

@testable import Mail

@Suite struct SMTPContentTests {
    static func wire(_ content: SMTPContent) -> String {
        content.head.map { String(buffer: $0) }.joined() + String(buffer: content.final)
    }

    @Test(arguments: [
        ("a\r\n", "a\r\n.\r\n"),
        (".\r\n", "..\r\n.\r\n"),
        ("\r\n", "\r\n.\r\n"),
        (".a\r\n..b\r\nc.\r\n.\r\n", "..a\r\n...b\r\nc.\r\n..\r\n.\r\n"),
        ("a\r\n\r\n.\r\n\r\n", "a\r\n\r\n..\r\n\r\n.\r\n"),
    ])
    func dotStuffing(_ text: String, _ expected: String) throws {
        let content = try SMTPContent.prepare(ByteBuffer(string: text)).get()
        #expect(Self.wire(content) == expected)
        #expect(content.size == text.utf8.count)
        #expect(content.head.isEmpty)
    }

    @Test(
        arguments: [
            ("a\n", .bareLineEnd), ("a\r", .bareLineEnd), ("a\rb\r\n", .bareLineEnd), ("a\nb\r\n", .bareLineEnd),
            ("a\r\r\n", .bareLineEnd),
            ("a\r\n\n", .bareLineEnd), ("\n", .bareLineEnd), ("a\r\n.\n", .bareLineEnd), ("a\r\n.\r", .bareLineEnd),
            ("", .noFinalLineEnd), ("a", .noFinalLineEnd), ("a\r\nb", .noFinalLineEnd),
        ] as [(String, SMTPContent.Defect)])
    func smugglingIsRefused(_ text: String, _ expected: SMTPContent.Defect) {
        guard case .failure(let defect) = SMTPContent.prepare(ByteBuffer(string: text)) else {
            Issue.record("accepted")
            return
        }
        #expect(defect == expected)
        #expect(defect.reply.isLocal)
        #expect(defect.reply.classification(stage: .content) == .permanentMessage)
    }

    /// Lines that start with dots at every offset around the borders of the chunks.
    @Test(arguments: -4...4)
    func chunkBorders(_ offset: Int) throws {
        let first = String(repeating: "x", count: SMTPContent.chunkSize + offset - 2) + "\r\n"
        let text = first + ".dot\r\n" + String(repeating: ".\r\n", count: SMTPContent.chunkSize) + "end\r\n"
        let content = try SMTPContent.prepare(ByteBuffer(string: text)).get()
        #expect(!content.head.isEmpty)
        #expect(content.head.allSatisfy { $0.readableBytes == SMTPContent.chunkSize })
        #expect(content.final.readableBytes > 5)
        let expected = first + "..dot\r\n" + String(repeating: "..\r\n", count: SMTPContent.chunkSize) + "end\r\n.\r\n"
        #expect(Self.wire(content) == expected)
    }

    @Test func eightBit() throws {
        func flags(_ text: String) throws -> [Bool] {
            let content = try SMTPContent.prepare(ByteBuffer(string: text)).get()
            return [content.isEightBit, content.hasEightBitHeader]
        }
        #expect(try flags("Subject: a\r\n\r\nb\r\n") == [false, false])
        #expect(try flags("Subject: a\r\n\r\nü\r\n") == [true, false])
        #expect(try flags("Subject: ü\r\n\r\nb\r\n") == [true, true])
        #expect(try flags("Subject: ü\r\n") == [true, true])
    }
}
