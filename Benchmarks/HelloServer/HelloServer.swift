import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL

/// The limit that the API is measured against: the HTTP framework alone, over TLS with the same certificate, answering
/// two words.
///
/// Usage: `hello-server PORT CERTIFICATE KEY`
@main
struct HelloServer {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let port = Int(arguments[1]) else {
            print("usage: hello-server PORT CERTIFICATE KEY")
            return
        }
        let chain = try NIOSSLCertificate.fromPEMFile(arguments[2]).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: arguments[3], format: .pem)
        let tls = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        let router = Router()
        router.get("/") { _, _ in "Hello, world" }
        var logger = Logger(label: "hello")
        logger.logLevel = .error
        let application = Application(
            router: router, server: try .tls(.http1(), tlsConfiguration: tls),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)), logger: logger)
        try await application.runService()
    }
}
