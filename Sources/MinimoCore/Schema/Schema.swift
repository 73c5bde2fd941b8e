package import SQLDatabase

/// The database schema: the one list of migrations for both engines.
///
/// A migration is frozen once it has landed (the migrator stores a checksum): a change is a new migration at the end of
/// the list.
/// Each concept's folder owns the statements of its own tables.
package enum Schema {
    /// Every migration, in the order in which they run.
    package static let migrations: [Migration] = [
        Migration(number: 1, name: "foundation") { dialect in
            InstanceSchema.statements(dialect)
                + CompanySchema.statements(dialect)
                + AccessSchema.statements(dialect)
                + ContactSchema.statements(dialect)
                + EmailTemplateSchema.statements(dialect)
                + SettingsSchema.statements(dialect)
                + MessageSchema.statements(dialect)
        }
    ]
}
