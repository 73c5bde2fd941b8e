import HTTPTypes
import MinimoAPI
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Gives the answers that the HTTP framework makes by itself – a request that does not parse – the error envelope (contract 4.1), and bounds
/// what is still read of a request that has been answered already.
///
/// Every answer of ours carries `X-Request-Id`: one without it is the framework's. One handler serves a whole HTTP/1 connection, where
/// requests may be pipelined, or one HTTP/2 stream.
final class FrameworkErrorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How many bytes of a refused body are read, so that a client that is still writing gets to see the answer.
    private static let patience = 8 << 20

    private let listener: Transport.Listener
    private var isHTTP1 = false
    /// Requests whose head has come, whose end has come, and whose answer has been written.
    private var received = 0
    private var ended = 0
    private var answered = 0
    private var ignoredBytes = 0
    /// Whether the answer that is being written goes to a client that came by HTTPS.
    private var isSecure = true
    private var isDropping = false
    private var isClosingOutput = false

    init(listener: Transport.Listener) {
        self.listener = listener
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // Not there: this is an HTTP/2 stream.
        guard
            let decoder = try? context.pipeline.syncOperations.handler(
                type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        else { return }
        isHTTP1 = true
        do {
            try context.pipeline.syncOperations.addHandler(HTTP1ConnectionHandler(), position: .after(decoder))
        } catch {
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            received += 1
            ignoredBytes = 0
        case .body(let bytes) where answered >= received:
            ignoredBytes += bytes.readableBytes
            guard ignoredBytes <= Self.patience else {
                context.close(promise: nil)
                return
            }
        case .body: break
        case .end:
            ended += 1
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.headerFields[.requestID] == nil && head.status.code >= 400:
            // The rest of an answered request does not parse: it has its answer.
            isDropping = isRestOfAnsweredRequest
            guard !isDropping else {
                promise?.succeed()
                return
            }
            let (own, body) = FrameworkErrors.answer(to: head, listener: listener)
            isSecure = listener == .tls
            context.write(wrapOutboundOut(.head(own)), promise: nil)
            context.write(wrapOutboundOut(.body(body)), promise: promise)
        case .head(var head) where listener == .plain && head.headerFields[.strictTransportSecurity] == nil:
            isSecure = false
            head.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head:
            isSecure = true
            context.write(data, promise: promise)
        case .body:
            guard !isDropping else {
                promise?.succeed()
                return
            }
            context.write(data, promise: promise)
        case .end:
            guard !isDropping else {
                isDropping = false
                promise?.succeed()
                close(context: context, mode: .output, promise: nil)
                return
            }
            answered += 1
            context.write(data, promise: promise)
            // Nobody who comes by plain HTTP is waited for: there is nothing else to hear here.
            if !isSecure {
                context.flush()
                close(context: context, mode: .output, promise: nil)
            }
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard isHTTP1, mode == .output, !isClosingOutput else {
            context.close(mode: mode, promise: promise)
            return
        }
        isClosingOutput = true
        let channel = context.channel
        let promise = promise ?? context.eventLoop.makePromise()
        promise.futureResult.assumeIsolated().whenComplete { _ in LingeringClose.add(to: channel) }
        context.close(mode: .output, promise: promise)
    }

    /// Whether what comes now belongs to a request whose answer has been written.
    private var isRestOfAnsweredRequest: Bool { ended < received && answered >= received }
}
