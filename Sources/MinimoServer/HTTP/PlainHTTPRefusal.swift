import MinimoAPI
import NIOCore

/// Answers plain HTTP that is sent to the TLS port with 403 `https_required` (contract 1.4) and gets out of the way of everything else.
///
/// It stands before the TLS handler and looks at the first bytes alone: a TLS record begins with 0x16, a request with a letter.
final class PlainHTTPRefusal: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var refused = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !refused else { return }
        let bytes = unwrapInboundIn(data)
        guard let first = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else { return }
        guard (0x41...0x5A).contains(first) else {
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
            return
        }
        refused = true
        context.writeAndFlush(wrapOutboundOut(FrameworkErrors.plainHTTP), promise: nil)
        LingeringClose.begin(context)
    }
}
