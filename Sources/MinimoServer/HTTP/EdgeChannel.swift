import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOSSL

/// The HTTPS listener's connections: HTTP/1.1 and HTTP/2 by ALPN over TLS 1.2 and 1.3, plain HTTP refused (contract 1.4, 1.5).
struct EdgeChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = HTTP2UpgradeChannel.Value

    private let base: HTTP2UpgradeChannel

    var responder: Responder { base.responder }

    init(tls: TLSConfiguration, responder: @escaping Responder) throws {
        base = try HTTP2UpgradeChannel(
            tlsConfiguration: tls, configuration: HTTP2ChannelConfiguration(
                idleTimeout: .seconds(120), streamConfiguration: Self.streams),
            responder: responder)
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        do {
            try channel.pipeline.syncOperations.addHandler(PlainHTTPRefusal())
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return base.setup(channel: channel, logger: logger)
    }

    func handle(value: Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }

    /// What HTTP/1.1 connections and HTTP/2 streams have in common.
    static let streams = HTTP1Channel.Configuration(
        additionalChannelHandlers: [FrameworkErrorHandler()], idleTimeout: .seconds(120),
        httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 64 << 10, maxHeaderFieldCount: 200))
}
