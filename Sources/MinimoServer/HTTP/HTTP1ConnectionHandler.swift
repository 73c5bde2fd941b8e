import NIOCore
import NIOHTTP1

/// What HTTP/1 says about a connection and the framework leaves out: `Expect: 100-continue` is answered, and a connection ends after a
/// request that cannot be followed by another (RFC 9110 §10.1.1, RFC 9112 §9.3).
///
/// It stands right behind the decoder, where the version of a request can still be seen. Such a request is marked `Connection: close`
/// for the framework, which then ends the connection by itself.
final class HTTP1ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private var received = 0
    private var answered = 0
    /// The number of the last request, once it is known.
    private var last: Int?
    private var isOver = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch unwrapInboundIn(data) {
        case .head(var head):
            received += 1
            if Self.expectsContinue(head), received - answered == 1 {
                // With an earlier answer still open this one would stand in its middle; the client then goes on by itself.
                let interim = HTTPResponseHead(version: head.version, status: .continue)
                context.writeAndFlush(wrapOutboundOut(.head(interim)), promise: nil)
            }
            guard Self.isLast(head) else {
                context.fireChannelRead(data)
                return
            }
            last = received
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.fireChannelRead(wrapInboundOut(.head(head)))
        case .body:
            context.fireChannelRead(data)
        case .end:
            isOver = last != nil
            context.fireChannelRead(data)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where last == answered + 1:
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            answered += 1
            context.write(data, promise: promise)
        default:
            context.write(data, promise: promise)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What comes after the last request is not read, so it cannot be wrong; the answers to what came before still go out.
        guard !isOver || !(error is HTTPParserError) else { return }
        context.fireErrorCaught(error)
    }

    private static func expectsContinue(_ head: HTTPRequestHead) -> Bool {
        head.version == .http1_1 && has("100-continue", in: "Expect", of: head)
    }

    /// Whether nothing can follow the request: the client says so, it is too old to say otherwise, or the decoder stops there because it
    /// takes what follows for another protocol.
    private static func isLast(_ head: HTTPRequestHead) -> Bool {
        head.version != .http1_1 || !head.isKeepAlive || head.method == .CONNECT
            || (head.headers.contains(name: "Upgrade") && has("upgrade", in: "Connection", of: head))
    }

    private static func has(_ token: String, in name: String, of head: HTTPRequestHead) -> Bool {
        head.headers[canonicalForm: name].contains { $0.lowercased() == token }
    }
}
