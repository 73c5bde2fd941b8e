import Logging
import Mail
import MinimoCore
import NIOCore
import SQLDatabase
import Synchronization
import Wire

/// The SMTP clients of each workspace, kept in step with its settings: re-read at most once a second while mail is sent.
final class RelayDirectory: Sendable {
    /// One relay, the client that talks to it, and the lines that it has.
    struct Relay: Sendable {
        let id: Int64
        let client: SMTPClient
        let lines: HandOffLines
    }

    /// A workspace's relays in the order in which they are tried.
    struct Route: Sendable {
        let relays: [Relay]
        let defaultFrom: String?
    }

    private struct Entry {
        var route: Route
        var readAt: Timestamp
        /// By what a client was made from, so that unchanged relays keep their connections.
        var outlets: [OutletKey: Outlet]
    }

    private struct Outlet {
        let client: SMTPClient
        let lines: HandOffLines
    }

    private struct OutletKey: Hashable, Sendable {
        let url: String
        let connections: Int
    }

    private struct State {
        var entries: [Int64: Entry] = [:]
        var retired: [SMTPClient] = []
        var isClosed = false
    }

    private static let freshness = Duration.seconds(1)

    private let database: Database
    private let settings: EmailChannelStore
    private let options: EmailDeliveryChannel.Options
    private let group: any EventLoopGroup
    private let clock: any DeliveryClock
    private let logger: Logger
    private let wake = QueueSignal()
    private let state = Mutex(State())

    init(
        database: Database, settings: EmailChannelStore, options: EmailDeliveryChannel.Options,
        group: any EventLoopGroup, clock: any DeliveryClock, logger: Logger
    ) {
        self.database = database
        self.settings = settings
        self.options = options
        self.group = group
        self.clock = clock
        self.logger = logger
    }

    /// The relays of a workspace; none when its channel is not set up.
    ///
    /// - Throws: `DatabaseError`, or `SecretBoxError` when a relay cannot be opened.
    func route(_ workspaceID: Int64) async throws -> Route {
        let now = clock.now()
        let current = state.withLock { state -> Route? in
            guard let entry = state.entries[workspaceID], now - entry.readAt < Self.freshness else { return nil }
            return entry.route
        }
        if let current { return current }
        let settings = settings
        let channel = try await database.read { db in try settings.load(db, workspaceID: workspaceID) }
        let route = state.withLock { state in update(&state, workspaceID, channel, now) }
        wake.signal()
        return route
    }

    /// Shuts clients down that settings have replaced; when its task is cancelled, all of them, at once.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let retired = state.withLock { state in
                    let retired = state.retired
                    state.retired = []
                    return retired
                }
                for client in retired {
                    // Ends when its last message has its outcome, which may take minutes.
                    group.addTask { await client.shutdown() }
                }
                await wake.wait()
            }
            let rest = state.withLock { state in
                state.isClosed = true
                let rest = state.retired + state.entries.values.flatMap(\.outlets.values).map(\.client)
                state.retired = []
                state.entries = [:]
                return rest
            }
            for client in rest {
                group.addTask { await client.shutdown() }
            }
        }
    }

    private func update(
        _ state: inout State, _ workspaceID: Int64, _ channel: EmailChannel?, _ now: Timestamp
    ) -> Route {
        // After the end no client is made that nobody would shut down.
        guard !state.isClosed else { return Route(relays: [], defaultFrom: channel?.defaultFrom) }
        let old = state.entries[workspaceID]?.outlets ?? [:]
        var outlets: [OutletKey: Outlet] = [:]
        var relays: [Relay] = []
        for relay in (channel?.relays ?? []).sorted(by: { $0.position < $1.position }) {
            let key = OutletKey(url: relay.url, connections: relay.connections)
            // A relay that stands there twice is one relay, and what it could not do it need not be asked again.
            guard outlets[key] == nil, let outlet = old[key] ?? makeOutlet(relay) else { continue }
            outlets[key] = outlet
            relays.append(Relay(id: relay.id, client: outlet.client, lines: outlet.lines))
        }
        state.retired += old.filter { outlets[$0.key] == nil }.map(\.value.client)
        let route = Route(relays: relays, defaultFrom: channel?.defaultFrom)
        state.entries[workspaceID] = Entry(route: route, readAt: now, outlets: outlets)
        return route
    }

    private func makeOutlet(_ relay: EmailRelay) -> Outlet? {
        guard var configuration = try? SMTPRelayConfiguration(url: relay.url) else {
            logger.error("A relay has a URL that cannot be used", metadata: ["relay": "\(relay.id)"])
            return nil
        }
        configuration.maximumConnections = max(relay.connections, 1)
        configuration.localName = options.localName
        configuration.trustRoots = options.trustRoots
        configuration.timeouts = options.timeouts
        return Outlet(
            client: SMTPClient(configuration: configuration, group: group, logger: logger),
            lines: HandOffLines(count: configuration.maximumConnections))
    }
}
