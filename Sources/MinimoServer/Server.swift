import Hummingbird
import HummingbirdCore
package import Logging
import MinimoAPI
import MinimoCore
import MinimoDelivery
import NIOCore
import NIOPosix
import NIOSSL
import SQLDatabase
import ServiceLifecycle
import UnixSignals
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The whole server: database, API edge and delivery engine in one process (design §1). Composition only, no logic.
package struct Server: Sendable {
    private let settings: ServeSettings
    private let logger: Logger

    package init(_ settings: ServeSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT, then stops in order: listeners first, deliveries next, the database last.
    ///
    /// - Parameter program: how the program was called, for the commands that the first start prints.
    /// - Throws: ``StartupError`` when the server cannot start, in words that say what to do.
    package func run(program: String) async throws {
        let lock = try ServeLock(settings.directory)
        let certificate = try certificate()
        let installation = try await Installation.open(
            directory: settings.directory, databaseURL: settings.databaseURL, environment: settings.environment,
            logger: logger)
        let outcome: Result<Void, any Error>
        do {
            try await serve(installation, certificate, program: program)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await installation.database.close()
        _ = consume lock
        logger.info("stopped")
        try outcome.get()
    }

    private func serve(_ installation: Installation, _ certificate: ServerCertificate, program: String) async throws {
        let keyRing = KeyRing(database: installation.database)
        let queue = QueueSignal()
        let channels = EmailChannelStore(secrets: installation.secrets)
        let renderer = MessageRenderer()
        let table = Routes.table(
            ids: installation.instance.ids, sender: EmailSender(channels: channels, renderer: renderer),
            renderer: renderer, queue: queue)
        let edge = APIResponder.Configuration(
            table: table, database: installation.database, keyRing: keyRing,
            transport: Transport(trustedProxies: settings.trustedProxies),
            hosts: Hosts(api: settings.apiHost, app: settings.appHost), logger: logger)
        let drain = Drain()
        let tls = try tlsConfiguration(certificate)
        let watch = CertificateWatch(
            expiry: try certificate.expiry(),
            advice: settings.certificateFile == nil
                ? "restart the server, which makes a new one" : "renew the file and restart the server",
            logger: logger)

        var services: [any Service] = [
            KeyUseRecorder(keyRing: keyRing, logger: logger), watch,
            DeliveryEngine(
                database: installation.database,
                channels: [
                    .email: EmailDeliveryChannel(
                        database: installation.database, settings: channels, renderer: renderer,
                        group: MultiThreadedEventLoopGroup.singleton, logger: logger)
                ],
                sandboxes: [.email: EmailSandbox(database: installation.database, renderer: renderer)], signal: queue,
                configuration: DeliveryConfiguration(isExclusive: settings.databaseURL == nil), logger: logger),
            listener(
                APIResponder(edge, listener: .tls, drain: drain), at: settings.listen,
                server: HTTPServerBuilder { try EdgeChannel(tls: tls, responder: $0) },
                whenRunning: { [self] port in await greet(installation, port: port, program: program) }),
        ]
        if let plainListen = settings.plainListen {
            services.append(
                listener(
                    APIResponder(edge, listener: .plain, drain: drain), at: plainListen,
                    server: HTTPServerBuilder { PlainChannel(responder: $0) },
                    whenRunning: { [logger] port in logger.info("refusing plain HTTP at port \(port)") }))
        }
        services.append(DrainOnShutdown(drain: drain))
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // The listeners and the delivery engine keep their own, shorter limits. These are the last resort: the second one ends the process.
        configuration.maximumGracefulShutdownDuration = .seconds(75)
        configuration.maximumCancellationDuration = .seconds(10)
        try await ServiceGroup(configuration: configuration).run()
    }

    private func listener(
        _ responder: APIResponder, at address: ListenAddress, server: HTTPServerBuilder,
        whenRunning: @escaping @Sendable (Int) async -> Void
    ) -> Listener {
        let quiet = Logger(label: "minimo.http") { [logger] _ in
            QuietLogHandler(logger, level: max(logger.logLevel, .warning))
        }
        return Listener(
            base: Application(
                responder: responder, server: server,
                configuration: ApplicationConfiguration(address: .hostname(address.host, port: address.port)),
                onServerRunning: { channel in await whenRunning(channel.localAddress?.port ?? address.port) },
                logger: quiet),
            address: address, logger: logger)
    }

    private func certificate() throws -> ServerCertificate {
        if let certificateFile = settings.certificateFile, let keyFile = settings.keyFile {
            guard let chain = try TextFile.read(certificateFile) else {
                throw StartupError("\(certificateFile) does not exist")
            }
            guard let key = try TextFile.read(keyFile) else { throw StartupError("\(keyFile) does not exist") }
            return ServerCertificate(chain: chain, key: key)
        }
        guard settings.certificateFile == nil, settings.keyFile == nil else {
            throw StartupError("--tls-certificate and --tls-key go together")
        }
        let wildcards: Set<String> = ["0.0.0.0", "::"]
        let names = [settings.listen.host, settings.apiHost, settings.appHost, ProcessInfo.processInfo.hostName]
            .compactMap(\.self).filter { !wildcards.contains($0) && !$0.isEmpty }
        return try LocalAuthority(settings.directory).certificate(names: names)
    }

    private func tlsConfiguration(_ certificate: ServerCertificate) throws -> TLSConfiguration {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.chain.utf8))
            let key = try NIOSSLPrivateKey(bytes: Array(certificate.key.utf8), format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            // How long the peer's part of closing TLS is waited for.
            configuration.shutdownTimeout = .seconds(1)
            return configuration
        } catch {
            throw StartupError("the TLS certificate or its key cannot be used: \(error)")
        }
    }

    /// Prints what is needed to use the server. It listens by now: a start that fails before must not take the first key with it.
    private func greet(_ installation: Installation, port: Int, program: String) async {
        let text = FirstRun(
            listener: settings.listen, port: port, apiHost: settings.apiHost, appHost: settings.appHost,
            caFile: settings.certificateFile == nil ? settings.directory.caPath : nil,
            dataDirectory: settings.directory.path, program: program, hasDatabaseURL: settings.databaseURL != nil)
        logger.info("accepting connections at \(text.address)")
        do {
            let key = try await firstKey(installation)
            print(key.map { text.welcome(testKey: $0) } ?? text.reminder())
        } catch {
            logger.warning("no first key was made", metadata: ["error": "\(error)"])
            print(text.reminder())
        }
        fflush(nil)
    }

    /// The first start of an installation makes a test key: one, however many nodes start at once.
    private func firstKey(_ installation: Installation) async throws -> String? {
        let now = Timestamp.now()
        return try await installation.database.write { db in
            try CompanyStore().lock(db)
            let company = try CompanyStore().first(db, now: now)
            guard try APIKeyStore().list(db, companyID: company.id).isEmpty else { return nil }
            let (_, secret) = try APIKeyStore().create(
                db, company: company, mode: .test, name: "First run", permissions: PermissionSet([.fullAccess]),
                expiresAt: now.adding(.seconds(365 * 86_400)).wholeSeconds, now: now)
            return secret.text
        }
    }
}
