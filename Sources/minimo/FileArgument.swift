import MinimoServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A secret on the command line, or `@FILE` that holds it: what is typed stands in the shell's history and in the
/// process list.
enum FileArgument {
    static func value(_ argument: String) throws -> String {
        guard argument.first == "@" else { return argument }
        let path = String(argument.dropFirst())
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw StartupError("cannot read \(path)")
        }
        return text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }
}
