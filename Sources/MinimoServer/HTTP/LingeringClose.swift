import NIOCore

/// Ends a connection whose last answer has been sent, without losing it: what the client still sends is read and thrown away until it
/// ends its side too, or for two seconds.
///
/// Closing a socket that holds unread bytes sends a reset, and a reset makes the client's system throw away an answer that it has not
/// read yet (RFC 9112 §9.6). The handler is for the front of a pipeline; add it when our side has been half-closed.
final class LingeringClose: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    static let duration = TimeAmount.seconds(2)
    static let maximumBytes = 8 << 20

    private var discardedBytes = 0
    private var deadline: Scheduled<Void>?

    /// Half-closes a connection that has nothing left to send, and lingers.
    static func begin(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.close(mode: .output).assumeIsolated().whenComplete { _ in
            add(to: bound.value.channel)
        }
    }

    /// Lingers on a connection whose output is closed.
    static func add(to channel: any Channel) {
        guard channel.isActive else { return }
        do {
            try channel.pipeline.syncOperations.addHandler(LingeringClose(), position: .first)
        } catch {
            channel.close(promise: nil)
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.duration) {
            context.close(promise: nil)
        }
        context.read()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        discardedBytes += unwrapInboundIn(data).readableBytes
        if discardedBytes > Self.maximumBytes { context.close(promise: nil) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Nobody behind this handler has seen anything, so nobody else asks for more.
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
