import Foundation
import NIOCore
import NIOEmbedded
import NIOTLS
import Testing

@testable import MinimoServer

/// The handlers that look after a connection, below HTTP.
struct ConnectionTests {
    private func text(_ channel: EmbeddedChannel) throws -> String {
        var text = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
        return text
    }

    @Test func plainHTTPIsRefused() throws {
        let channel = EmbeddedChannel(handler: PlainHTTPRefusal())
        try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeInbound(ByteBuffer(string: "POST / HTTP/1.1\r\n"))
        let answer = try text(channel)
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(answer.contains("\r\nConnection: close\r\n"))
        #expect(!answer.lowercased().contains("strict-transport-security"))
        #expect(answer.contains(#""code":"https_required""#))
        let body = try #require(answer.range(of: "\r\n\r\n"))
        #expect(answer.contains("\r\nContent-Length: \(answer[body.upperBound...].utf8.count)\r\n"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        #expect(!channel.isActive)
    }

    @Test func everythingElseGoesThroughAndTheHandlerIsGone() throws {
        let channel = EmbeddedChannel(handler: PlainHTTPRefusal())
        let hello = ByteBuffer(bytes: [0x16, 0x03, 0x01])
        try channel.writeInbound(hello)
        #expect(try channel.readInbound(as: ByteBuffer.self) == hello)
        #expect(throws: ChannelPipelineError.self) {
            try channel.pipeline.syncOperations.handler(type: PlainHTTPRefusal.self)
        }
        // A later first byte that is a letter is the middle of a record.
        try channel.writeInbound(ByteBuffer(string: "GET"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "GET"))
        _ = try channel.finish()
    }

    @Test func lingeringEndsWithTheClient() throws {
        let channel = try lingering()
        try channel.writeInbound(ByteBuffer(string: "rest"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        #expect(channel.isActive)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!channel.isActive)
    }

    @Test func lingeringEndsInTime() throws {
        let channel = try lingering()
        channel.embeddedEventLoop.advanceTime(by: LingeringClose.duration - .milliseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!channel.isActive)
    }

    @Test func lingeringEndsWithTooManyBytes() throws {
        let channel = try lingering()
        try channel.writeInbound(ByteBuffer(repeating: 0, count: LingeringClose.maximumBytes))
        #expect(channel.isActive)
        try channel.writeInbound(ByteBuffer(repeating: 0, count: 1))
        #expect(!channel.isActive)
    }

    @Test func aHandshakeHasADeadline() throws {
        let channel = try active(HandshakeDeadline())
        channel.embeddedEventLoop.advanceTime(by: HandshakeDeadline.duration - .milliseconds(1))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!channel.isActive)
    }

    @Test func aHandshakeInTimeEndsTheDeadline() throws {
        let channel = try active(HandshakeDeadline())
        channel.pipeline.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: "h2"))
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(channel.isActive)
        _ = try channel.finish()
    }

    @Test func aShutdownDoesNotWaitForAHandshake() throws {
        let channel = try active(HandshakeDeadline())
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(!channel.isActive)
    }

    private func active(_ handler: HandshakeDeadline) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.pipeline.syncOperations.addHandler(handler)
        return channel
    }

    private func lingering() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
        LingeringClose.add(to: channel)
        return channel
    }
}
