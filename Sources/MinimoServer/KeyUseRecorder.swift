import Logging
import MinimoCore
import ServiceLifecycle

/// Writes the last-used times of keys now and then, and once more when the server stops.
struct KeyUseRecorder: Service {
    let keyRing: KeyRing
    let logger: Logger

    func run() async throws {
        for await _ in Self.ticks.cancelOnGracefulShutdown() { await save() }
        await save()
    }

    private func save() async {
        do {
            try await keyRing.saveUses()
        } catch {
            logger.debug("last-used times were not written", metadata: ["error": "\(error)"])
        }
    }

    /// One element each half minute.
    private static var ticks: some AsyncSequence<Void, Never> & Sendable {
        AsyncStream<Void>(unfolding: {
            do {
                try await Task.sleep(for: .seconds(30))
                return ()
            } catch {
                return nil
            }
        })
    }
}
