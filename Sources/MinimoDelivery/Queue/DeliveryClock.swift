package import Wire

/// The time as the delivery engine sees it, so that tests can move it.
package protocol DeliveryClock: Sendable {
    /// The current time.
    func now() -> Timestamp
    /// Returns after `duration`.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    func sleep(for duration: Duration) async throws
}

/// The system's clock.
package struct SystemDeliveryClock: DeliveryClock {
    package init() {}

    package func now() -> Timestamp { .now() }

    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
