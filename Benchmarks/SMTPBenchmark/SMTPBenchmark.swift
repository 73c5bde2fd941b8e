import Logging
import Mail
import NIOCore
import NIOPosix

/// Sends messages of 10 KB through the SMTP client and prints `RATE <messages per second>`.
///
/// Usage: `smtp-benchmark PORT COUNT CONNECTIONS`
@main
struct SMTPBenchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard arguments.count == 3 else {
            print("usage: smtp-benchmark PORT COUNT CONNECTIONS")
            return
        }
        let (port, count, connections) = (arguments[0], arguments[1], arguments[2])
        var logger = Logger(label: "smtp-benchmark")
        logger.logLevel = .error
        var configuration = SMTPRelayConfiguration(host: "127.0.0.1", port: port, security: .none)
        configuration.maximumConnections = connections
        let client = SMTPClient(
            configuration: configuration, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        let line = String(repeating: "x", count: 72) + "\r\n"
        let content = ByteBuffer(
            string: "From: <a@b.example>\r\nTo: <c@d.example>\r\nSubject: x\r\n\r\n"
                + String(repeating: line, count: 137))
        let envelope = SMTPEnvelope(
            sender: try EmailAddress(parsing: "a@b.example"), recipients: [try EmailAddress(parsing: "c@d.example")])
        let clock = ContinuousClock()
        let start = clock.now
        let workers = connections * 2
        let accepted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<workers {
                group.addTask {
                    var accepted = 0
                    for _ in 0..<(count / workers) {
                        if case .accepted = await client.send(envelope, content: content, beforeFinalDot: {}) {
                            accepted += 1
                        }
                    }
                    return accepted
                }
            }
            var sum = 0
            for await accepted in group { sum += accepted }
            return sum
        }
        let elapsed = clock.now - start
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        print("RATE \(Int(Double(accepted) / seconds)) ACCEPTED \(accepted)")
        await client.shutdown()
    }
}
