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

    package func deliver(_ handOff: HandOff) async {
        let message = handOff.message
        let route: RelayDirectory.Route
        do {
            route = try await directory.route(message.workspaceID)
        } catch {
            logger.warning("The email channel cannot be read", metadata: ["error": "\(error)"])
            return handOff.conclude(.unavailable(.databaseUnavailable))
        }
        guard let first = route.relays.first else {
            return handOff.conclude(.unavailable(.noRelay, retryAfter: .seconds(2)))
        }
        // The line comes before the content: so only as many composed emails are in memory as there are lines.
        guard await first.lines.take(message.category.lane) else {
            return handOff.conclude(.unavailable(.relayUnavailable))
        }
        var taken = [first.lines]
        defer {
            for lines in taken { lines.giveBack() }
        }
        do {
            let email = try await composer.compose(message, defaultFrom: route.defaultFrom)
            handOff.conclude(await send(email, handOff, through: route.relays, &taken))
        } catch {
            handOff.conclude(.composing(error))
        }
    }

    package func run() async {
        await directory.run()
    }

    /// Tries the relays one after the other until one has an answer.
    ///
    /// All lines are kept until the conclusion, also those of relays that failed: the intent stands since the first of them.
    ///
    /// - Parameter taken: holds the line of the first relay, and takes up the others.
    private func send(
        _ email: ComposedEmail, _ handOff: HandOff, through relays: [RelayDirectory.Relay],
        _ taken: inout [HandOffLines]
    ) async -> DeliveryOutcome {
        var failures = SMTPOutcome.Failures()
        for (index, relay) in relays.enumerated() {
            if index > 0 {
                guard relay.lines.takeIfFree() else {
                    failures.isBusy = true
                    continue
                }
                taken.append(relay.lines)
            }
            let result = await relay.client.send(
                email.envelope, content: email.content, beforeFinalDot: { try await handOff.announce() })
            switch result {
            case .unavailable(let reason):
                failures.reasons.append((relay.id, reason))
                guard SMTPOutcome.mayTryAnother(after: reason) else { return SMTPOutcome.outcome(of: failures) }
                logger.debug("A relay is unavailable", metadata: ["relay": "\(relay.id)", "reason": "\(reason)"])
            case .refused(.mailFrom, let reply, _) where reply.isLocal:
                // The relay lacks what this message needs, which another one may have.
                failures.lacking = failures.lacking ?? (relay.id, reply)
            default:
                return SMTPOutcome.outcome(
                    of: result, recipient: email.envelope.recipients.first,
                    messageID: handOff.message.headerMessageID, relayID: relay.id)
            }
        }
        return SMTPOutcome.outcome(of: failures)
    }
}
