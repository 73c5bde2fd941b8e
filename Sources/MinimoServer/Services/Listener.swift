import Foundation
import Logging
import NIOCore
import ServiceLifecycle

/// A listener with its connections. When the server stops, requests in flight have a while to finish; then their connections are closed.
///
/// It is a group of its own, so that a client that stalls uses up the patience for listeners and not the time of what stops after them.
struct Listener: Service {
    static let patience = Duration.seconds(15)

    let base: any Service
    let address: ListenAddress
    let logger: Logger

    func run() async throws {
        var configuration = ServiceGroupConfiguration(services: [base], logger: logger)
        configuration.maximumGracefulShutdownDuration = Self.patience
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError where !Task.isShuttingDownGracefully {
            // The framework names the call that failed, not the address.
            throw StartupError("cannot listen on \(address): \(String(cString: strerror(error.errnoCode)))")
        } catch {
            guard Task.isShuttingDownGracefully else { throw error }
            logger.warning("connections were closed with requests unfinished")
        }
    }
}
