import Foundation
import NIOCore
import Testing
import Wire

/// Compares reader and writer with Foundation's, which share no code with them.
struct JSONFuzzTests {
    @Test(arguments: 0..<8 as Range<UInt64>)
    func validDocumentsAgree(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let value = randomValue(&random, depth: 4)
            let document = value.serialized()
            #expect(try JSONReader.parse(document) == value, "\(document)")
            #expect(agree(try foundationValue(Array(document.utf8)), value), "\(document)")
            let spaced = respelled(value, &random)
            #expect(try JSONReader.parse(spaced) == value, "\(spaced)")
            #expect(agree(try foundationValue(Array(spaced.utf8)), value), "\(spaced)")
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func mutatedDocumentsAgree(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: 1000 + seed)
        var accepted = 0
        for _ in 0..<1500 {
            var document = Array(respelled(randomValue(&random, depth: 3), &random).utf8)
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                mutate(&document, &random)
            }
            let theirs = try? foundationValue(document)
            do {
                let ours = try JSONReader.parse(document)
                accepted += 1
                let text = String(decoding: document, as: UTF8.self)
                #expect(theirs.map { agree($0, ours) } == true, "\(text)")
            } catch {
                #expect(error.offset >= 0 && error.offset <= document.count)
                // Foundation reads member names given twice; otherwise what we refuse it refuses.
                if theirs != nil, error.code != .duplicateKey {
                    Issue.record("\(error): \(document) \(String(decoding: document, as: UTF8.self))")
                }
            }
        }
        #expect(accepted > 50)
    }

    @Test func numbersAgree() throws {
        var random = SeededGenerator(seed: 77)
        for _ in 0..<5000 {
            let double = Double(bitPattern: random.next())
            guard double.isFinite else { continue }
            #expect(try JSONReader.parse(double.description) == .double(double))
            let digits = Int.random(in: 1...25, using: &random)
            let fraction = (0..<digits).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
            let text =
                "\(Int.random(in: 0...999, using: &random)).\(fraction)e\(Int.random(in: -40...40, using: &random))"
            #expect(try JSONReader.parse(text).doubleValue == Double(text), "\(text)")
        }
    }
}

/// A small, seeded, splitmix64 generator, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

private func randomString(_ random: inout SeededGenerator) -> String {
    let alphabet: [Unicode.Scalar] = [
        "a", "b", "Z", "0", " ", "\"", "\\", "/", "\n", "\r", "\t", "\0", "\u{1F}", "\u{7F}", "é", "ß", "あ", "\u{FFFF}",
        "😀", "\u{10FFFF}", "\u{2028}", "{", "[", ",", ":", "<",
    ]
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...24, using: &random) {
        // Force-unwrapping is safe: the alphabet is not empty.
        text.append(alphabet.randomElement(using: &random)!)
    }
    return String(text)
}

private func randomValue(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .integer(Int64(bitPattern: random.next()) >> Int64.random(in: 0...63, using: &random))
    case 3:
        let double = Double(bitPattern: random.next())
        return .double(double.isFinite ? double : 0.5)
    case 4: return .double(Double.random(in: -1000...1000, using: &random))
    case 5: return .string(randomString(&random))
    case 6:
        return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in randomValue(&random, depth: depth - 1) })
    default:
        var object = JSONObject()
        // Now and then more members than are looked up linearly.
        let count = Int.random(in: 0...9, using: &random) == 0 ? 20 : Int.random(in: 0...4, using: &random)
        for index in 0..<count {
            object["\(index)" + randomString(&random)] = randomValue(&random, depth: depth - 1)
        }
        return .object(object)
    }
}

/// The value as another JSON text: with white space, and with some characters as escapes.
private func respelled(_ value: JSONValue, _ random: inout SeededGenerator) -> String {
    func space(_ random: inout SeededGenerator) -> String {
        ["", "", "", " ", "\n", "\r\n", "\t"].randomElement(using: &random) ?? ""
    }
    func quoted(_ text: String, _ random: inout SeededGenerator) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || scalar == "\"" || scalar == "\\" || Int.random(in: 0...3, using: &random) == 0 {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: Bool.random(using: &random))
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
    let body: String
    switch value {
    case .string(let text): body = quoted(text, &random)
    case .array(let elements):
        body = "[" + space(&random) + elements.map { respelled($0, &random) }.joined(separator: ",") + "]"
    case .object(let object):
        let members = object.map { quoted($0.key, &random) + space(&random) + ":" + respelled($0.value, &random) }
        body = "{" + space(&random) + members.joined(separator: "," + space(&random)) + space(&random) + "}"
    default: body = value.serialized()
    }
    return space(&random) + body + space(&random)
}

private func mutate(_ document: inout [UInt8], _ random: inout SeededGenerator) {
    let interesting: [UInt8] =
        Array("\"\\{}[],:0123456789.eE+-truefalsn \n/u".utf8) + [0x00, 0x1F, 0x80, 0xC3, 0xED, 0xFF]
    let position = Int.random(in: 0..<document.count, using: &random)
    let byte = interesting.randomElement(using: &random) ?? 0
    switch Int.random(in: 0..<5, using: &random) {
    case 0: document[position] = byte
    case 1: document.insert(byte, at: position)
    case 2: if document.count > 1 { document.remove(at: position) }
    case 3: document[position] ^= 1 << UInt8.random(in: 0...7, using: &random)
    default: document = Array(document.prefix(max(position, 1)))
    }
}

private func foundationValue(_ document: [UInt8]) throws -> JSONValue {
    try JSONDecoder().decode(FoundationValue.self, from: Data(document)).value
}

/// Equality, except that Foundation reads `1.932180473078598e+18` as an exact integer where ours is the nearest double.
private func agree(_ theirs: JSONValue, _ ours: JSONValue) -> Bool {
    switch (theirs, ours) {
    case (.integer(let integer), .double(let double)): Double(integer) == double
    case (.array(let theirs), .array(let ours)):
        theirs.count == ours.count && zip(theirs, ours).allSatisfy { agree($0, $1) }
    case (.object(let theirs), .object(let ours)):
        theirs.count == ours.count && theirs.allSatisfy { key, value in ours[key].map { agree(value, $0) } == true }
    default: theirs == ours
    }
}

/// Any JSON value as Foundation's decoder sees it.
private struct FoundationValue: Decodable {
    let value: JSONValue

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            value = .null
        } else if let bool = try? container.decode(Bool.self) {
            value = .bool(bool)
        } else if let integer = try? container.decode(Int64.self) {
            value = .integer(integer)
        } else if let double = try? container.decode(Double.self) {
            value = .double(double)
        } else if let string = try? container.decode(String.self) {
            value = .string(string)
        } else if let elements = try? container.decode([FoundationValue].self) {
            value = .array(elements.map(\.value))
        } else {
            var object = JSONObject()
            for (key, member) in try container.decode([String: FoundationValue].self) {
                object[key] = member.value
            }
            value = .object(object)
        }
    }
}
