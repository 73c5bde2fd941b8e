/// What a public id names. The raw value is the prefix before the underscore (contract §3.3).
package enum PublicIDKind: String, Sendable, CaseIterable {
    case contact = "cnt"
    case customField = "cfd"
    case segment = "seg"
    case emailTemplate = "tmpl"
    case whatsAppTemplate = "wtpl"
    case message = "msg"
    case campaign = "cmp"
    case webhook = "whk"
    case event = "evt"
    case `import` = "imp"
    case export = "exp"
    case apiKey = "key"
    case senderDomain = "snd"
    case sandboxMessage = "sbx"
    case relay = "rly"
    case attempt = "att"
    case suppression = "sup"

    /// The text before the underscore, in lower case, 3 or 4 letters.
    package var prefix: String { rawValue }
}
