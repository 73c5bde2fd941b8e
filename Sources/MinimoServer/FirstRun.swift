import MinimoCore
import Wire

/// What the terminal shows when the server is up for the first time: everything that is needed to send a first message.
struct FirstRun {
    /// Where the server listens, as a client on this machine names it.
    let address: String
    private let apiAddress: String
    private let appAddress: String
    /// What curl needs beside the address.
    private let options: String
    /// `nil` when a certificate was configured that clients already trust.
    private let caFile: String?
    private let dataDirectory: String
    private let program: String
    private let hasDatabaseURL: Bool

    /// - Parameters:
    ///   - port: the one that is listened on.
    /// - hasDatabaseURL: whether commands need to be told of a database elsewhere; its URL holds a password and is not
    ///     printed.
    ///   - apiHost: the name that `/v1` answers to, if it is not every name; `appHost` likewise for `/api`.
    init(
        listener: ListenAddress, port: Int, apiHost: String?, appHost: String?, caFile: String?, dataDirectory: String,
        program: String, hasDatabaseURL: Bool = false
    ) {
        let wildcards: Set<String> = ["0.0.0.0", "::"]
        let isEverywhere = wildcards.contains(listener.host)
        let host = isEverywhere ? "localhost" : listener.host.contains(":") ? "[\(listener.host)]" : listener.host
        address = "https://\(host):\(port)"
        // With one name given, both hosts have it.
        apiAddress = (apiHost ?? appHost).map { "https://\($0):\(port)" } ?? address
        appAddress = (appHost ?? apiHost).map { "https://\($0):\(port)" } ?? address
        let trust = caFile.map { " --cacert " + Self.quoted($0) } ?? ""
        // The names need not lead here yet, or not from this machine.
        let route = apiHost == nil && appHost == nil ? "" : " --connect-to " + Self.quoted("::\(host):\(port)")
        options = trust + route
        self.caFile = caFile
        self.dataDirectory = dataDirectory
        self.program = program
        self.hasDatabaseURL = hasDatabaseURL
    }

    /// The text for an installation that has just made its first test key.
    func welcome(testKey: String) -> String {
        let curl =
            "curl --silent --show-error\(options) -H 'Authorization: Bearer \(testKey)' -H 'Content-Type: application/json'"
        let contact = #"{"email":"jane@example.com","firstName":"Jane"}"#
        let template =
            #"{"name":"Welcome","subject":"Hello {{firstName}}","html":"<p>Hello {{firstName}}, your order {{orderNumber}} is on its way.</p>"}"#
        let send =
            #"{"templateId":"'"$TEMPLATE"'","recipient":"jane@example.com","customFields":{"orderNumber":"1001"}}"#
        return """

            Minimo is running.

              Address    \(address)
              CA file    \(caFile ?? "none is needed: a certificate is configured")
              Test key   \(testKey)
                         It is shown only now. Nothing that it sends leaves this machine.

            Paste these three lines into another terminal: a contact, a template, a message.

            \(curl) \(apiAddress)/v1/contacts -d '\(contact)'
            TEMPLATE=$(\(curl) \(appAddress)/api/templates/email -d '\(template)' | sed 's/.*"id":"\\(tmpl_[a-z0-9]*\\)".*/\\1/') && echo "$TEMPLATE"
            \(curl) \(appAddress)/api/templates/email/send -d '\(send)'

            See the captured mail\(databaseHint):

            \(Self.quoted(program)) sandbox list --data-dir \(Self.quoted(dataDirectory))
            \(Self.quoted(program)) sandbox show --data-dir \(Self.quoted(dataDirectory))

            Stop with Ctrl-C. Everything is kept in \(dataDirectory).

            """
    }

    /// The text for every later start.
    func reminder() -> String {
        """

        Minimo is running.

          Address    \(address)
          CA file    \(caFile ?? "none is needed: a certificate is configured")
          New key\(databaseHint)
                     \(Self.quoted(program)) keys create --data-dir \(Self.quoted(dataDirectory)) --name NAME --permissions FULL_ACCESS --test

        """
    }

    private var databaseHint: String {
        hasDatabaseURL ? " (with MINIMO_DATABASE_URL set as it is for the server)" : ""
    }

    /// A word that a shell reads as it is.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "./_-+:@%,".utf8.contains(byte)
        }
        return isPlain && !word.isEmpty
            ? word
            : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
