import MinimoAPI
import ServiceLifecycle

/// Sets the drain as soon as a shutdown begins: it is the last service, so it hears of it first.
///
/// The listeners stop a moment later. Until then every request is answered 503, which tells clients and load balancers in HTTP's own words what a
/// closed port would leave to guess (contract 4.3).
struct DrainOnShutdown: Service {
    static let notice = Duration.seconds(1)

    let drain: Drain

    func run() async throws {
        try? await gracefulShutdown()
        drain.set()
        try? await Task.sleep(for: Self.notice)
    }
}
