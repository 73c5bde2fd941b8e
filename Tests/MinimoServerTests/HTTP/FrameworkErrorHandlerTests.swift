import HTTPTypes
import MinimoAPI
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Testing

@testable import MinimoServer

/// What leaves an HTTP/1 connection when the framework and the routes answer.
struct FrameworkErrorHandlerTests {
    /// A connection as the listeners make it, without TLS.
    private struct Connection {
        let channel = EmbeddedChannel()

        init(_ listener: Transport.Listener = .tls) throws {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try pipeline.addHandler(FrameworkErrorHandler(listener: listener))
            try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func receive(_ text: String) throws {
            try channel.writeInbound(ByteBuffer(string: text))
        }

        /// An answer of ours.
        func answer(_ status: HTTPResponse.Status = .ok, secure: Bool = true) throws {
            var fields: HTTPFields = [.contentLength: "2"]
            fields[.requestID] = "req_1"
            if secure { fields[.strictTransportSecurity] = "max-age=1" }
            try write(HTTPResponse(status: status, headerFields: fields), body: "{}")
        }

        /// The framework's answer to what it cannot parse.
        func answerLikeTheFramework() throws {
            let head = HTTPResponse(
                status: .badRequest, headerFields: [.connection: "close", .contentLength: "0"])
            try write(head, body: nil)
        }

        private func write(_ head: HTTPResponse, body: String?) throws {
            channel.write(HTTPResponsePart.head(head), promise: nil)
            if let body { channel.write(HTTPResponsePart.body(ByteBuffer(string: body)), promise: nil) }
            channel.writeAndFlush(HTTPResponsePart.end(nil), promise: nil)
            channel.embeddedEventLoop.run()
        }

        func sent() throws -> String {
            var text = ""
            while let data = try channel.readOutbound(as: IOData.self) {
                if case .byteBuffer(let bytes) = data { text += String(buffer: bytes) }
            }
            return text
        }

        /// The heads of the requests that the framework gets to see.
        func requests() throws -> [HTTPRequest] {
            var heads: [HTTPRequest] = []
            while let part = try channel.readInbound(as: HTTPRequestPart.self) {
                if case .head(let head) = part { heads.append(head) }
            }
            return heads
        }
    }

    private let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test func whatDoesNotParseGetsTheEnvelope() throws {
        let connection = try Connection()
        try connection.answerLikeTheFramework()
        let sent = try connection.sent()
        #expect(sent.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(sent.contains("\r\nStrict-Transport-Security: max-age=31536000\r\n"))
        #expect(sent.contains("\r\nX-Request-Id: req_"))
        #expect(sent.contains("\r\n\r\n{\"error\":{\"code\":\"bad_request\","))
    }

    @Test func onThePlainListenerItHearsOnlyThatHTTPSIsRequired() throws {
        let connection = try Connection(.plain)
        try connection.answerLikeTheFramework()
        let sent = try connection.sent()
        #expect(sent.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(!sent.contains("Strict-Transport-Security"))
        #expect(sent.contains("\r\n\r\n{\"error\":{\"code\":\"https_required\","))
        #expect(!connection.channel.isActive)
    }

    @Test func aRefusalByPlainHTTPIsTheLastAnswer() throws {
        let connection = try Connection(.plain)
        try connection.receive(get)
        try connection.answer(.forbidden, secure: false)
        #expect(try connection.sent().contains("\r\nConnection: close\r\n"))
        #expect(!connection.channel.isActive)
    }

    @Test func aTrustedProxyKeepsItsConnection() throws {
        let connection = try Connection(.plain)
        try connection.receive(get)
        try connection.answer()
        #expect(try !connection.sent().contains("Connection"))
        #expect(connection.channel.isActive)
        _ = try? connection.channel.finish()
    }

    @Test func aRequestGetsOneAnswer() throws {
        let connection = try Connection()
        try connection.receive("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try connection.answer()
        #expect(try connection.sent().hasPrefix("HTTP/1.1 200 OK\r\n"))
        try connection.answerLikeTheFramework()
        #expect(try connection.sent() == "")
        #expect(!connection.channel.isActive)
    }

    @Test func aNewRequestThatDoesNotParseGetsItsAnswer() throws {
        let connection = try Connection()
        try connection.receive(get)
        try connection.answer()
        _ = try connection.sent()
        try connection.answerLikeTheFramework()
        #expect(try connection.sent().hasPrefix("HTTP/1.1 400 "))
    }

    @Test func anAnsweredBodyIsReadForAWhile() throws {
        let connection = try Connection()
        try connection.receive("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
        try connection.answer(.contentTooLarge)
        let half = ByteBuffer(repeating: 0x78, count: 4 << 20)
        try connection.channel.writeInbound(half)
        try connection.channel.writeInbound(half)
        #expect(connection.channel.isActive)
        // The decoder complains about the end that never came.
        #expect(throws: HTTPParserError.invalidEOFState) {
            try connection.channel.writeInbound(ByteBuffer(repeating: 0x78, count: 1))
        }
        #expect(!connection.channel.isActive)
    }

    @Test func aPipelinedBodyIsNotTakenForAnAnsweredOne() throws {
        let connection = try Connection()
        try connection.receive(get + "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
        // The first request's answer does not answer the second.
        try connection.answer()
        try connection.channel.writeInbound(ByteBuffer(repeating: 0x78, count: 9 << 20))
        #expect(connection.channel.isActive)
        #expect(try connection.requests().count == 2)
        _ = try? connection.channel.finish()
    }

    @Test func continueIsAnsweredOnce() throws {
        let connection = try Connection()
        let request = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
        try connection.receive(request)
        #expect(try connection.sent() == "HTTP/1.1 100 Continue\r\n\r\n")
        try connection.receive("{}")
        try connection.answer()
        #expect(try connection.sent().hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(connection.channel.isActive)
        _ = try? connection.channel.finish()
    }

    @Test func continueIsNotAnsweredInTheMiddleOfAnother() throws {
        let connection = try Connection()
        try connection.receive(get + "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(try connection.sent() == "")
        _ = try? connection.channel.finish()
    }

    @Test func continueIsNotForHTTP10() throws {
        let connection = try Connection()
        try connection.receive("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(try connection.sent() == "")
        _ = try? connection.channel.finish()
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    ])
    func aLastRequestIsMarked(request: String) throws {
        let connection = try Connection()
        try connection.receive(get + request + get)
        // The framework ends a connection after a request with exactly this value.
        #expect(try connection.requests().map { $0.headerFields[.connection] } == [nil, "close"])
        try connection.answer()
        #expect(try !connection.sent().contains("Connection"))
        try connection.answer()
        #expect(try connection.sent().contains("\r\nConnection: close\r\n"))
        _ = try? connection.channel.finish()
    }
}
