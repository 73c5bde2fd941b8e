import Logging

/// The logger that the HTTP framework gets: it hands on what is logged and does nothing for metadata that nobody reads.
///
/// The framework sets an id of its own in the metadata for each request, which the usual handlers turn into text at once, logged or not.
struct QuietLogHandler: LogHandler {
    private let base: Logger
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    /// - Parameter level: below it nothing is handed on.
    init(_ base: Logger, level: Logger.Level) {
        self.base = base
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        base.log(level: event.level, event.message, metadata: event.metadata, source: event.source)
    }
}
