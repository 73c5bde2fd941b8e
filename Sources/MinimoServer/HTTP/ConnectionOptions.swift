import NIOCore

/// Finds out that a peer is gone without a word: its machine or the network between died.
enum ConnectionOptions {
    /// Probes a silent connection after a minute and gives it up after another; gives up unacknowledged bytes after a minute.
    ///
    /// - Throws: when the connection is gone already.
    static func apply(to channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.socketOption(.so_keepalive), value: 1)
        #if os(Linux)
        for (name, value) in linux { try options.setOption(.tcpOption(.init(rawValue: name)), value: value) }
        #endif
    }

    #if os(Linux)
    /// tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT in seconds and probes, TCP_USER_TIMEOUT in milliseconds.
    private static let linux: [(CInt, SocketOptionValue)] = [(4, 60), (5, 10), (6, 6), (18, 60_000)]
    #endif
}
