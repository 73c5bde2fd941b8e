import HTTPTypes
import MinimoAPI
import NIOCore
import NIOHTTPTypes

/// Gives the answers that the HTTP framework makes by itself – a request that does not parse – the error envelope (contract 4.1), and bounds
/// what is still read of a request that has been answered already.
///
/// Every answer of ours carries `X-Request-Id`: one without it is the framework's.
final class FrameworkErrorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How many bytes of a refused body are read, so that a client that is still writing gets to see the answer.
    private static let patience = 8 << 20

    private var answered = false
    private var ignoredBytes = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            answered = false
            ignoredBytes = 0
        case .body(let bytes) where answered:
            ignoredBytes += bytes.readableBytes
            guard ignoredBytes <= Self.patience else {
                context.close(promise: nil)
                return
            }
        default: break
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.headerFields[.requestID] == nil && head.status.code >= 400:
            let (own, body) = FrameworkErrors.answer(to: head)
            context.write(wrapOutboundOut(.head(own)), promise: nil)
            context.write(wrapOutboundOut(.body(body)), promise: promise)
        case .end:
            answered = true
            context.write(data, promise: promise)
        default:
            context.write(data, promise: promise)
        }
    }
}
