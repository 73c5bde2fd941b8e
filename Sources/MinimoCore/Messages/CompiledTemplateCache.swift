import Synchronization

/// Compiled templates by version, so that a campaign parses its template once. Bounded: the least recently used one
/// goes.
final class CompiledTemplateCache: Sendable {
    struct Key: Hashable {
        let workspaceID: Int64
        let templateID: Int64
        let version: Int64
    }

    private struct State {
        var entries: [Key: (template: CompiledEmailTemplate, lastUse: UInt64)] = [:]
        var uses: UInt64 = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
    }

    /// How many are kept.
    var count: Int { state.withLock { $0.entries.count } }

    func find(_ key: Key) -> CompiledEmailTemplate? {
        state.withLock { state in
            guard let template = state.entries[key]?.template else { return nil }
            state.uses += 1
            state.entries[key]?.lastUse = state.uses
            return template
        }
    }

    /// Keeps a template; versions never change, so it does not matter who was first.
    func keep(_ template: CompiledEmailTemplate, for key: Key) {
        state.withLock { state in
            state.uses += 1
            state.entries[key] = (template, state.uses)
            guard state.entries.count > capacity else { return }
            // A walk over the whole cache, but only when a template is compiled, which costs more.
            guard let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
            state.entries[oldest.key] = nil
        }
    }
}
