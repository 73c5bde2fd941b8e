/// What a server offered in its answer to EHLO, RFC 5321 §4.1.1.1. Never carried over from before TLS (RFC 3207 §4.2).
struct SMTPExtensions: Sendable, Hashable {
    var pipelining = false
    var eightBitMIME = false
    var utf8 = false
    var startTLS = false
    /// `nil`: not offered. 0: offered without a fixed limit (RFC 1870 §3).
    var size: Int?
    /// Upper case.
    var authentication: Set<String> = []

    init() {}

    /// - Parameter lines: the lines of the reply; the first is the greeting.
    init(lines: some Sequence<String>) {
        for line in lines.dropFirst() {
            let words = line.uppercased().split { $0 == " " || $0 == "\t" }
            guard let keyword = words.first else { continue }
            switch keyword {
            case "PIPELINING": pipelining = true
            case "8BITMIME": eightBitMIME = true
            case "SMTPUTF8": utf8 = true
            case "STARTTLS": startTLS = true
            case "SIZE": size = words.count > 1 ? Int(words[1]) ?? 0 : 0
            case "AUTH": authentication.formUnion(words.dropFirst().map(String.init))
            default:
                // The form of an old draft, still sent beside the right one.
                if keyword.hasPrefix("AUTH=") {
                    authentication.insert(String(keyword.dropFirst(5)))
                    authentication.formUnion(words.dropFirst().map(String.init))
                }
            }
        }
    }
}
