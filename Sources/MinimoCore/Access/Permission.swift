/// What an API key may do (contract 5.3).
package enum Permission: String, Sendable, Hashable, CaseIterable {
    case contactsRead = "CONTACTS_READ"
    case contactsWrite = "CONTACTS_WRITE"
    case customFieldsRead = "CUSTOM_FIELDS_READ"
    case customFieldsWrite = "CUSTOM_FIELDS_WRITE"
    case templatesRead = "TEMPLATES_READ"
    case templatesWrite = "TEMPLATES_WRITE"
    /// Sending on any channel and reading one-shot statistics.
    case transactional = "TRANSACTIONAL"
    case messagesRead = "MESSAGES_READ"
    case campaignsRead = "CAMPAIGNS_READ"
    case campaignsWrite = "CAMPAIGNS_WRITE"
    case webhooksRead = "WEBHOOKS_READ"
    case webhooksWrite = "WEBHOOKS_WRITE"
    case settingsRead = "SETTINGS_READ"
    case settingsWrite = "SETTINGS_WRITE"
    /// Everything.
    case fullAccess = "FULL_ACCESS"
}

/// The permissions of one key. `…_WRITE` does not include `…_READ` (write-only import keys exist).
package struct PermissionSet: Sendable, Hashable {
    private var bits: UInt32 = 0

    package init(_ permissions: some Sequence<Permission>) {
        for permission in permissions { bits |= Self.bit(permission) }
    }

    /// Reads the space-separated form that the database keeps; unknown words are ignored, so that an older program can
    /// read a newer row.
    package init(stored: String) {
        self.init(stored.split(separator: " ").compactMap { Permission(rawValue: String($0)) })
    }

    /// The space-separated form for the database.
    package var stored: String { list.map(\.rawValue).joined(separator: " ") }

    /// The permissions in the order of their declaration.
    package var list: [Permission] { Permission.allCases.filter { bits & Self.bit($0) != 0 } }

    /// Whether the key may do what `permission` names, `FULL_ACCESS` included.
    package func allows(_ permission: Permission) -> Bool {
        bits & (Self.bit(permission) | Self.bit(.fullAccess)) != 0
    }

    private static func bit(_ permission: Permission) -> UInt32 {
        // Every case is in `allCases`, and there are fewer of them than bits.
        1 << UInt32(Permission.allCases.firstIndex(of: permission) ?? 31)
    }
}
