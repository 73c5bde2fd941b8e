/// The beat of services that do something now and then.
enum Ticks {
    /// One element each period, until the task is cancelled.
    static func every(_ period: Duration) -> some AsyncSequence<Void, Never> & Sendable {
        AsyncStream<Void>(unfolding: {
            do {
                try await Task.sleep(for: period)
                return ()
            } catch {
                return nil
            }
        })
    }
}
