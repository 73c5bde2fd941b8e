import ArgumentParser
import Logging
import MinimoCore
import MinimoServer

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the API and deliver messages.",
        discussion: """
            Each setting comes from its flag, else from the environment variable in brackets, else from its default. SIGTERM stops the \
            server: requests in flight finish, deliveries in flight finish, the rest is given back to the queue.
            """)

    @OptionGroup var installation: InstallationOptions
    @Option(name: .long, help: "Where HTTPS listens (MINIMO_LISTEN).") var listen: String?
    @Option(
        name: .long,
        help:
            "Where plain HTTP listens: every request is refused with https_required, unless a trusted proxy says that it was HTTPS (MINIMO_PLAIN_LISTEN; default none)."
    )
    var plainListen: String?
    @Option(name: .long, help: "A certificate chain in PEM instead of the local authority's (MINIMO_TLS_CERTIFICATE).")
    var tlsCertificate: String?
    @Option(name: .long, help: "The certificate's private key in PEM (MINIMO_TLS_KEY).") var tlsKey: String?
    @Option(name: .long, help: "The public name of the API host (MINIMO_API_HOST).") var apiHost: String?
    @Option(name: .long, help: "The public name of the app host (MINIMO_APP_HOST).") var appHost: String?
    @Option(
        name: .long,
        help: "A network whose X-Forwarded-Proto counts; may be repeated (MINIMO_TRUST_PROXY, separated by commas).")
    var trustProxy: [String] = []
    @Option(name: .long, help: "trace, debug, info, warning or error (MINIMO_LOG_LEVEL; default info).")
    var logLevel: String?

    func run() async throws {
        try await reportingFailures {
            let environment = installation.environment
            func setting(_ flag: String?, _ variable: String) -> String? { flag ?? environment[variable] }
            let proxies =
                trustProxy.isEmpty
                ? (environment["MINIMO_TRUST_PROXY"] ?? "").split(separator: ",").map(String.init) : trustProxy
            var logger = Logger(label: "minimo") { StreamLogHandler.standardError(label: $0) }
            let level = setting(logLevel, "MINIMO_LOG_LEVEL") ?? "info"
            guard let parsed = Logger.Level(rawValue: level) else {
                throw StartupError("\(level) is no log level: trace, debug, info, warning, error")
            }
            logger.logLevel = parsed
            let settings = ServeSettings(
                directory: try DataDirectory(installation.resolvedDataDir),
                databaseURL: installation.resolvedDatabaseURL,
                listen: try ListenAddress(setting(listen, "MINIMO_LISTEN") ?? "127.0.0.1:8443"),
                plainListen: try setting(plainListen, "MINIMO_PLAIN_LISTEN").map { try ListenAddress($0) },
                certificateFile: setting(tlsCertificate, "MINIMO_TLS_CERTIFICATE"),
                keyFile: setting(tlsKey, "MINIMO_TLS_KEY"), apiHost: setting(apiHost, "MINIMO_API_HOST"),
                appHost: setting(appHost, "MINIMO_APP_HOST"),
                trustedProxies: try proxies.map { text in
                    guard let range = AddressRange(text) else {
                        throw StartupError("\(text) is no network: 10.0.0.0/8")
                    }
                    return range
                },
                environment: environment)
            try await Server(settings, logger: logger).run(program: CommandLine.arguments.first ?? "minimo")
        }
    }
}
