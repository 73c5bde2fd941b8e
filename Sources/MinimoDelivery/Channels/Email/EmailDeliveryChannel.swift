package import Logging
package import Mail
package import MinimoCore
package import NIOCore
package import SQLDatabase
import Wire

/// Email through the SMTP relays of the message's workspace, tried in their order.
package final class EmailDeliveryChannel: Channel {
    /// What relays have in common on this installation.
    package struct Options: Sendable {
        /// What EHLO says we are; nil means the address of the socket.
        package var localName: String?
        /// Whom relays' certificates must lead to.
        package var trustRoots: SMTPRelayConfiguration.TrustRoots
        package var timeouts: SMTPRelayConfiguration.Timeouts

        package init(
            localName: String? = nil, trustRoots: SMTPRelayConfiguration.TrustRoots = .system,
            timeouts: SMTPRelayConfiguration.Timeouts = .init()
        ) {
            self.localName = localName
            self.trustRoots = trustRoots
            self.timeouts = timeouts
        }
    }

    private let composer: EmailComposer
    private let directory: RelayDirectory
    private let logger: Logger

    package init(
        database: Database, settings: EmailChannelStore, renderer: MessageRenderer, group: any EventLoopGroup,
        options: Options = .init(), clock: any DeliveryClock = SystemDeliveryClock(), logger: Logger
    ) {
        composer = EmailComposer(database: database, renderer: renderer)
        directory = RelayDirectory(
            database: database, settings: settings, options: options, group: group, clock: clock, logger: logger)
        self.logger = logger
    }

    package func deliver(
        _ delivery: Delivery, intent: @escaping @Sendable () async throws -> Void
    ) async -> DeliveryOutcome {
        let message = delivery.message
        let route: RelayDirectory.Route
        do {
            route = try await directory.route(message.workspaceID)
        } catch {
            logger.warning("The email channel cannot be read", metadata: ["error": "\(error)"])
            return .unavailable(.databaseUnavailable)
        }
        guard !route.relays.isEmpty else { return .unavailable(.noRelay, retryAfter: .seconds(2)) }
        let email: ComposedEmail
        do {
            email = try await composer.compose(message, defaultFrom: route.defaultFrom)
        } catch {
            return .composing(error)
        }
        return await send(email, message.headerMessageID, through: route.relays, intent)
    }

    package func run() async {
        await directory.run()
    }

    /// Tries the relays one after the other until one has an answer.
    private func send(
        _ email: ComposedEmail, _ messageID: String, through relays: [RelayDirectory.Relay],
        _ intent: @escaping @Sendable () async throws -> Void
    ) async -> DeliveryOutcome {
        var failures: [(relayID: Int64, reason: SMTPUnavailability)] = []
        for relay in relays {
            let result = await relay.client.send(email.envelope, content: email.content, beforeFinalDot: intent)
            guard case .unavailable(let reason) = result else {
                return SMTPOutcome.outcome(
                    of: result, recipient: email.envelope.recipients.first, messageID: messageID, relayID: relay.id)
            }
            failures.append((relay.id, reason))
            guard SMTPOutcome.mayTryAnother(after: reason) else { break }
            logger.debug("A relay is unavailable", metadata: ["relay": "\(relay.id)", "reason": "\(reason)"])
        }
        return SMTPOutcome.outcome(of: failures)
    }
}
