import MinimoCore
import Wire

/// What the terminal shows when the server is up for the first time: everything that is needed to send a first message.
struct FirstRun {
    let address: String
    /// `nil` when a certificate was configured that clients already trust.
    let caFile: String?
    let dataDirectory: String
    let program: String

    /// The text for an installation that has just made its first test key.
    func welcome(testKey: String) -> String {
        let trust = caFile.map { " --cacert " + Self.quoted($0) } ?? ""
        let curl = "curl --silent --show-error\(trust) -H 'Authorization: Bearer \(testKey)' -H 'Content-Type: application/json'"
        let contact = #"{"email":"jane@example.com","firstName":"Jane"}"#
        let template = #"{"name":"Welcome","subject":"Hello {{firstName}}","html":"<p>Hello {{firstName}}, your order {{orderNumber}} is on its way.</p>"}"#
        let send = #"{"templateId":"'"$TEMPLATE"'","recipient":"jane@example.com","customFields":{"orderNumber":"1001"}}"#
        return """

            Minimo is running.

              Address    \(address)
              CA file    \(caFile ?? "none is needed: a certificate is configured")
              Test key   \(testKey)
                         It is shown only now. Nothing that it sends leaves this machine.

            Paste these three lines into another terminal: a contact, a template, a message.

            \(curl) \(address)/v1/contacts -d '\(contact)'
            TEMPLATE=$(\(curl) \(address)/api/templates/email -d '\(template)' | sed 's/.*"id":"\\(tmpl_[a-z0-9]*\\)".*/\\1/') && echo "$TEMPLATE"
            \(curl) \(address)/api/templates/email/send -d '\(send)'

            See the captured mail:

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
          New key    \(Self.quoted(program)) keys create --data-dir \(Self.quoted(dataDirectory)) --name NAME --permissions FULL_ACCESS --test

        """
    }

    /// A word that a shell reads as it is.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "./_-+:@%,".utf8.contains(byte)
        }
        return isPlain && !word.isEmpty ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
