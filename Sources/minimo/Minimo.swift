import ArgumentParser

/// The program: one command per file in `Commands`.
@main
struct Minimo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "minimo",
        abstract: "Customer messaging that you run yourself.",
        discussion: """
            Every command works while the server runs. Settings come from flags, else from the environment (MINIMO_DATA_DIR, \
            MINIMO_DATABASE_URL, MINIMO_SECRET_KEY, …), else from the defaults.
            """,
        version: Version.current,
        subcommands: [
            ServeCommand.self, CompaniesCommand.self, KeysCommand.self, ChannelsCommand.self, SendersCommand.self,
            SandboxCommand.self, MigrateCommand.self, DoctorCommand.self,
        ])
}
