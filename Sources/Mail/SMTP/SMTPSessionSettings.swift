import NIOCore
import NIOSSL

/// What every connection of a client shares.
struct SMTPSessionSettings: Sendable {
    private let configuration: SMTPRelayConfiguration
    private let tls: NIOSSLContext?
    private let timeouts: Timeouts

    /// The configured timeouts in NIO's unit, so that they are not converted for every reply.
    private struct Timeouts {
        let greeting, command, mail, recipient, data, dataBlock, finalReply, quit, idle: TimeAmount
    }

    init(configuration: SMTPRelayConfiguration, tls: NIOSSLContext?) {
        self.configuration = configuration
        self.tls = tls
        let all = configuration.timeouts
        timeouts = Timeouts(
            greeting: TimeAmount(all.greeting), command: TimeAmount(all.command), mail: TimeAmount(all.mail),
            recipient: TimeAmount(all.recipient), data: TimeAmount(all.data), dataBlock: TimeAmount(all.dataBlock),
            finalReply: TimeAmount(all.finalReply), quit: TimeAmount(all.quit), idle: TimeAmount(all.idle))
    }

    /// `nil`: the literal of the socket's own address.
    var localName: String? {
        configuration.localName.flatMap { SMTPRelayConfiguration.isLocalName($0) ? $0 : nil }
    }

    func stateMachine(localName: String) -> SMTPStateMachine.Settings {
        SMTPStateMachine.Settings(
            security: configuration.security, credentials: configuration.credentials,
            allowsCredentialsWithoutTLS: configuration.isLoopback, localName: localName)
    }

    func makeTLSHandler() throws -> NIOSSLClientHandler {
        guard let tls else { throw SMTPUnavailability(.tls) }
        // An address cannot be a server name; the certificate is then compared with the peer's address.
        let isAddress = (try? SocketAddress(ipAddress: configuration.host, port: 0)) != nil
        return try NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : configuration.host)
    }

    func timeout(_ timer: SMTPStateMachine.Timer) -> TimeAmount {
        switch timer {
        case .greeting: timeouts.greeting
        case .command: timeouts.command
        case .mail: timeouts.mail
        case .recipient: timeouts.recipient
        case .data: timeouts.data
        case .dataBlock: timeouts.dataBlock
        case .finalReply: timeouts.finalReply
        case .quit: timeouts.quit
        case .idle: timeouts.idle
        }
    }
}
