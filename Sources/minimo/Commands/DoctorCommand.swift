import ArgumentParser
import MinimoCore
import MinimoServer
import Wire

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check everything that can be checked, and say what to do.",
        discussion: "Exit code 0 when all is well, 1 when something must be done. Warnings do not count.")

    @OptionGroup var installation: InstallationOptions
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() async throws {
        try await reportingFailures {
            let doctor = Doctor(
                directory: installation.resolvedDataDir, databaseURL: installation.resolvedDatabaseURL,
                environment: installation.environment, logger: Logging.command)
            let findings = await doctor.examine()
            if json {
                Output.json { writer in
                    writer.beginObject()
                    writer.member("ok", !findings.contains { $0.level == .problem })
                    writer.key("checks")
                    writer.beginArray()
                    for finding in findings {
                        writer.beginObject()
                        writer.member("check", finding.check)
                        writer.member("level", finding.level.rawValue)
                        writer.member("message", finding.message)
                        writer.member("advice", finding.advice)
                        writer.endObject()
                    }
                    writer.endArray()
                    writer.endObject()
                }
            } else {
                for finding in findings {
                    Output.line("[\(finding.level.rawValue)] \(finding.check): \(finding.message)")
                    if let advice = finding.advice { Output.line("          \(advice)") }
                }
            }
            if findings.contains(where: { $0.level == .problem }) { throw ExitCode.failure }
        }
    }
}
