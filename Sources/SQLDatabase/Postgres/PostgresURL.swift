import CPostgres

/// A checked connection URI with our defaults. The password never leaves it except to libpq.
struct PostgresURL: Sendable {
    private let url: String
    private let passwords: [String]
    private let defaults: [(String, String)]
    private let overrides: [(String, String)]

    /// - Throws: `DatabaseError.other` if libpq cannot read the URI. libpq's message is withheld, because it quotes parts
    ///   of the URI.
    init(_ url: String, _ configuration: Database.Configuration) throws {
        guard let options = PQconninfoParse(url, nil) else {
            throw DatabaseError(
                .other, detail: "the database URL is not of the form postgres://user:password@host:port/database")
        }
        defer { PQconninfoFree(options) }
        var passwords: [String] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if ["password", "sslpassword"].contains(String(cString: keyword)), let value = option.pointee.val {
                passwords.append(String(cString: value))
            }
            option += 1
        }
        self.url = url
        self.passwords = passwords.filter { !$0.isEmpty }
        let connectTimeout = max(2, configuration.connectTimeout.components.seconds)
        // A peer that has vanished is noticed after half a minute at the latest.
        defaults = [
            ("connect_timeout", String(connectTimeout)), ("keepalives_idle", "20"), ("keepalives_interval", "5"),
            ("keepalives_count", "3"), ("tcp_user_timeout", "30000"),
            ("fallback_application_name", configuration.applicationName),
        ]
        overrides = [("client_encoding", "UTF8")]
    }

    /// Connects; blocks the thread for the connect time-out at most for each of the URI's hosts.
    ///
    /// - Returns: the connection in the state that libpq left it in, or nil when memory is exhausted.
    func connect() -> OpaquePointer? {
        let parameters = defaults + [("dbname", url)] + overrides
        return withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
        }
    }

    /// A message of libpq's without passwords and line breaks.
    func redacted(_ message: String) -> String {
        var message = message
        for password in passwords {
            var result = ""
            var rest = message[...]
            while let range = rest.firstRange(of: password) {
                result += rest[..<range.lowerBound] + "***"
                rest = rest[range.upperBound...]
            }
            message = result + rest
        }
        return message.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    private func withCStrings<T>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> T) -> T {
        var bytes: [CChar] = []
        var offsets: [Int] = []
        for string in strings {
            offsets.append(bytes.count)
            bytes.append(contentsOf: string.utf8CString)
        }
        return bytes.withUnsafeBufferPointer { buffer in
            let pointers = offsets.map { buffer.baseAddress?.advanced(by: $0) } + [nil]
            return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
        }
    }
}
