import HummingbirdCore
import HummingbirdHTTP2
import Logging
import MinimoAPI
import NIOCore
import NIOSSL

/// The HTTPS listener's connections: HTTP/1.1 and HTTP/2 by ALPN over TLS 1.2 and 1.3, plain HTTP refused (contract 1.4, 1.5).
struct EdgeChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = HTTP2UpgradeChannel.Value

    private let base: HTTP2UpgradeChannel

    var responder: Responder { base.responder }

    init(tls: TLSConfiguration, responder: @escaping Responder) throws {
        base = try HTTP2UpgradeChannel(
            tlsConfiguration: tls,
            configuration: HTTP2ChannelConfiguration(
                idleTimeout: .seconds(120), streamConfiguration: .edge(.tls)),
            responder: responder)
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        do {
            try ConnectionOptions.apply(to: channel)
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(PlainHTTPRefusal())
            let value = base.setup(channel: channel, logger: logger)
            let tls = try pipeline.handler(type: NIOSSLServerHandler.self)
            try pipeline.addHandler(HandshakeDeadline(), position: .after(tls))
            return value
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    func handle(value: Value, logger: Logger) async {
        // The framework waits for things that do not end with the task, such as the handshake: closing the connection ends them all.
        await withTaskCancellationHandler {
            await base.handle(value: value, logger: logger)
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }
}

/// The plain listener's connections: HTTP/1.1 without TLS, for proxies that are trusted and for everybody else to be refused.
struct PlainChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = HTTP1Channel.Value

    private let base: HTTP1Channel

    var responder: Responder { base.responder }

    init(responder: @escaping Responder) {
        base = HTTP1Channel(responder: responder, configuration: .edge(.plain))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        do {
            try ConnectionOptions.apply(to: channel)
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return base.setup(channel: channel, logger: logger)
    }

    func handle(value: Value, logger: Logger) async {
        await withTaskCancellationHandler {
            await base.handle(value: value, logger: logger)
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }
}

extension HTTP1Channel.Configuration {
    /// What the HTTP/1.1 connections and HTTP/2 streams of a listener have in common.
    fileprivate static func edge(_ listener: Transport.Listener) -> Self {
        Self(
            additionalChannelHandlers: [FrameworkErrorHandler(listener: listener)], idleTimeout: .seconds(120),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 64 << 10, maxHeaderFieldCount: 200))
    }
}
