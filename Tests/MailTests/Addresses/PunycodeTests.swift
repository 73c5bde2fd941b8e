import Foundation
import Testing

@testable import Mail

@Suite struct PunycodeTests {
    /// Random labels against Python's own codec.
    @Test func agreesWithPython() async throws {
        var random = SeededGenerator(seed: 3_492)
        let ranges: [ClosedRange<UInt32>] = [
            0x61...0x7A, 0xE0...0xFF, 0x430...0x44F, 0x5D0...0x5EA, 0x4E00...0x9FFF, 0x1F300...0x1F5FF,
        ]
        var labels: [String] = []
        for _ in 0..<1_000 {
            var label = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let value = UInt32.random(in: ranges.randomElement(using: &random) ?? 0x61...0x7A, using: &random)
                if let scalar = Unicode.Scalar(value) { label.append(scalar) }
            }
            labels.append(String(label))
        }
        let script = """
            import sys
            lines = open(sys.argv[1], encoding="utf-8").read().split("\\n")
            open(sys.argv[2], "w").write("\\n".join(line.encode("punycode").decode() for line in lines))
            """
        let output = try await Python.run(script, input: Data(labels.joined(separator: "\n").utf8))
        let expected = String(decoding: output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
        #expect(expected.count == labels.count)
        for (label, expected) in zip(labels, expected) {
            #expect(Punycode.encode(label.unicodeScalars) == expected)
            #expect(Punycode.decode(expected.utf8).map { $0.elementsEqual(label.unicodeScalars) } == true)
        }
    }

    @Test(arguments: ["\u{FF}", "a-!", "99999999", "a-9"])
    func refusesWhatIsNotPunycode(_ text: String) {
        #expect(Punycode.decode(text.utf8) == nil)
    }
}
