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
        let welcome = try await firstRunText(installation, program: program)

        var services: [any Service] = [
            KeyUseRecorder(keyRing: keyRing, logger: logger),
            DeliveryEngine(
                database: installation.database,
                channels: [
                    .email: EmailDeliveryChannel(
                        database: installation.database, settings: channels, renderer: renderer,
                        group: MultiThreadedEventLoopGroup.singleton, logger: logger)
                ],
                sandboxes: [.email: EmailSandbox(database: installation.database, renderer: renderer)], signal: queue,
                configuration: DeliveryConfiguration(isExclusive: settings.databaseURL == nil), logger: logger),
            application(
                APIResponder(edge, listener: .tls, drain: drain), at: settings.listen,
                server: HTTPServerBuilder { try EdgeChannel(tls: tls, responder: $0) },
                whenRunning: { [logger] port in
                    logger.info("accepting connections at \(address(port: port))")
                    print(welcome(address(port: port)))
                    fflush(nil)
                }),
        ]
        if let plainListen = settings.plainListen {
            services.append(
                application(
                    APIResponder(edge, listener: .plain, drain: drain), at: plainListen,
                    server: .http1(configuration: EdgeChannel.streams),
                    whenRunning: { [logger] port in logger.info("refusing plain HTTP at port \(port)") }))
        }
        services.append(DrainOnShutdown(drain: drain))
        try await ServiceGroup(
            configuration: {
                var configuration = ServiceGroupConfiguration(
                    services: services.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) },
                    gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
                configuration.maximumGracefulShutdownDuration = .seconds(45)
                return configuration
            }()
        ).run()
    }

    private func application(
        _ responder: APIResponder, at address: ListenAddress, server: HTTPServerBuilder,
        whenRunning: @escaping @Sendable (Int) -> Void
    ) -> some Service {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        return Application(
            responder: responder, server: server,
            configuration: ApplicationConfiguration(address: .hostname(address.host, port: address.port)),
            onServerRunning: { channel in whenRunning(channel.localAddress?.port ?? address.port) }, logger: quiet)
    }

    private func certificate() throws -> ServerCertificate {
        if let certificateFile = settings.certificateFile, let keyFile = settings.keyFile {
            guard let chain = try? String(contentsOfFile: certificateFile, encoding: .utf8),
                let key = try? String(contentsOfFile: keyFile, encoding: .utf8)
            else { throw StartupError("cannot read \(certificateFile) or \(keyFile)") }
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
            return configuration
        } catch {
            throw StartupError("the TLS certificate or its key cannot be used: \(error)")
        }
    }

    /// What is printed once connections are accepted. The first start of an installation makes a test key for it.
    private func firstRunText(
        _ installation: Installation, program: String
    ) async throws -> @Sendable (String) -> String {
        let now = Timestamp.now()
        let testKey = try await installation.database.write { db -> String? in
            let company = try CompanyStore().first(db, now: now)
            guard try APIKeyStore().list(db, companyID: company.id).isEmpty else { return nil }
            let (_, secret) = try APIKeyStore().create(
                db, company: company, mode: .test, name: "First run", permissions: PermissionSet([.fullAccess]),
                expiresAt: now.adding(.seconds(365 * 86_400)).wholeSeconds, now: now)
            return secret.text
        }
        let directory = settings.directory
        let caFile = settings.certificateFile == nil ? directory.caPath : nil
        return { address in
            let text = FirstRun(address: address, caFile: caFile, dataDirectory: directory.path, program: program)
            return testKey.map { text.welcome(testKey: $0) } ?? text.reminder()
        }
    }

    /// The address that a client on this machine uses.
    private func address(port: Int) -> String {
        let any: Set<String> = ["0.0.0.0", "::"]
        let host = any.contains(settings.listen.host) ? "localhost" : settings.listen.host
        return "https://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}

/// Sets the drain as soon as a shutdown begins. It is the last service, so it hears of it first.
private struct DrainOnShutdown: Service {
    let drain: Drain

    func run() async throws {
        try? await gracefulShutdown()
        drain.set()
    }
}
