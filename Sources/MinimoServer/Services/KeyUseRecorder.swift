import Logging
import MinimoCore
import ServiceLifecycle

/// Writes the last-used times of keys now and then, and once more when the server stops.
struct KeyUseRecorder: Service {
    let keyRing: KeyRing
    let logger: Logger

    func run() async throws {
        for await _ in Ticks.every(.seconds(30)).cancelOnGracefulShutdown() { await save() }
        await save()
    }

    private func save() async {
        do {
            try await keyRing.saveUses()
        } catch {
            logger.debug("last-used times were not written", metadata: ["error": "\(error)"])
        }
    }
}
