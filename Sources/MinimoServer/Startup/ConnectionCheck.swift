import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#endif

/// Tries whether something listens at an address.
enum ConnectionCheck {
    static let limit = TimeAmount.seconds(5)

    /// What is wrong, in words; `nil` when a connection was made. It is closed again at once.
    static func problem(host: String, port: Int) async -> String? {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(limit)
        do {
            let channel = try await bootstrap.connect(host: host, port: port).get()
            try? await channel.close()
            return nil
        } catch let error as NIOConnectionError {
            if error.dnsAError != nil, error.dnsAAAAError != nil { return "the name does not resolve" }
            return error.connectionErrors.first.map { words(for: $0.error) } ?? "no connection"
        } catch {
            return words(for: error)
        }
    }

    private static func words(for error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: "no answer within \(limit.nanoseconds / 1_000_000_000) seconds"
        default: "no connection"
        }
    }
}
