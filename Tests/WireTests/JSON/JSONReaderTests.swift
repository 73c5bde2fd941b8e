import NIOCore
import Testing
import Wire

struct JSONReaderTests {
    @Test(
        arguments: [
            ("null", .null), (" \t\r\n true \n", .bool(true)), ("false", .bool(false)),
            ("0", .integer(0)), ("-0", .integer(0)), ("42", .integer(42)), ("-17", .integer(-17)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)),
            ("-9223372036854775809", .double(-9_223_372_036_854_775_808)),
            ("0.1", .double(0.1)), ("-1.5e3", .double(-1500)), ("1E+2", .double(100)), ("1e-2", .double(0.01)),
            ("123456789012345678901234567890", .double(1.234_567_890_123_456_8e29)),
            ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("5e-324", .double(.leastNonzeroMagnitude)),
            ("1e-999", .double(0)), ("0e999", .double(0)),
            ("2.2250738585072011e-308", .double(.leastNormalMagnitude.nextDown)),
            (#""""#, .string("")), (#""abc""#, .string("abc")), (#""èあ😀""#, .string("èあ😀")),
            (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
            (#""\u0041\u00e8\uD83D\ude00""#, .string("Aè😀")),
            (#""\u0000""#, .string("\0")), ("\"\u{7F}\u{2028}\"", .string("\u{7F}\u{2028}")),
            ("[]", .array([])), ("[ 1 , [ ] ]", .array([.integer(1), .array([])])), ("{}", .object([:])),
            (#"{ "a" : { } , "b" : [ null ] }"#, .object(["a": [:], "b": [.null]])),
        ] as [(String, JSONValue)])
    func accepts(_ text: String, _ expected: JSONValue) throws {
        #expect(try JSONReader.parse(text) == expected)
    }

    @Test(arguments: [
        ("", 0), ("  ", 2), ("\u{FEFF}{}", 0), ("nul", 3), ("nulL", 3), ("True", 0), ("1 2", 2), ("{} x", 3),
        ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("[1", 2), ("[", 1), ("]", 0), ("{\"a\":1,}", 7), ("{a:1}", 1),
        ("{\"a\"1}", 4), ("{\"a\":}", 5), ("{\"a\":1", 6), ("{1:1}", 1), ("{\"a\" 1}", 5), ("{", 1),
        ("01", 1), ("-01", 2), ("00", 1), ("-", 1), ("+1", 0), (".5", 0), ("1.", 2), ("1.e1", 2), ("1e", 2), ("1e+", 3),
        ("1.5.", 3), ("-a", 1), ("NaN", 0), ("Infinity", 0), ("0x10", 1), ("1_000", 1),
        ("\"abc", 4), ("\"a\nb\"", 2), ("\"\u{1F}\"", 1), (#""\x""#, 2), (#""\"#, 2), (#""\u12"#, 5), (#""\u12G4""#, 5),
        (#"'a'"#, 0), ("// c\n1", 0), ("[1]/**/", 3), ("\u{A0}1", 0),
    ])
    func refusesMalformed(_ text: String, _ offset: Int) {
        #expect(throws: JSONError(.malformed, at: offset)) { try JSONReader.parse(text) }
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, 7), (#"{"a":1,"b":{"c":1,"\u0063":2}}"#, 18), (#"{"":1,"":2}"#, 6),
        (#"{"é":1,"\u00e9":2}"#, 8),
    ])
    func refusesDuplicateMembers(_ text: String, _ offset: Int) {
        #expect(throws: JSONError(.duplicateKey, at: offset)) { try JSONReader.parse(text) }
    }

    @Test func refusesDuplicatesInBigObjects() throws {
        let members = (0..<1000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        let object = try #require(try JSONReader.parse("{\(members)}").objectValue)
        #expect(object.count == 1000)
        #expect(object["k999"] == 999)
        #expect(object.keys.first == "k0")
        #expect(throws: JSONError(.duplicateKey, at: members.utf8.count + 2)) {
            try JSONReader.parse("{\(members),\"k500\":1}")
        }
    }

    /// Canonically equivalent names are different names: RFC 8259 §8.3 compares code units.
    @Test func keepsCanonicallyEquivalentNamesApart() throws {
        let object = try #require(try JSONReader.parse("{\"\u{E9}\":1,\"e\u{301}\":2}").objectValue)
        #expect(object["\u{E9}"] == 1)
        #expect(object["e\u{301}"] == 2)
    }

    @Test(arguments: [
        (#""\ud800""#, 1), (#""ab\ud83dx""#, 3), (#""\ude00""#, 1), (#""\ud83d\ud83d""#, 1), (#""\ud83d\n""#, 1),
        (#""\ud83d\u0041""#, 1), (#"["ok","\udfff"]"#, 7),
    ])
    func refusesLoneSurrogates(_ text: String, _ offset: Int) {
        #expect(throws: JSONError(.loneSurrogate, at: offset)) { try JSONReader.parse(text) }
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x22], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
            [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func refusesIllFormedUTF8(_ bytes: [UInt8]) {
        let document = Array("\"ok".utf8) + bytes + Array("\"".utf8)
        #expect(throws: JSONError(.invalidUTF8, at: 3)) { try JSONReader.parse(document) }
        // Cut at the end of the input it must not be read beyond it either.
        #expect(throws: JSONError(.invalidUTF8, at: 3)) { try JSONReader.parse(Array(document.dropLast())) }
    }

    @Test(arguments: ["1e309", "-1e309", "1e999999999999999999999", "1" + String(repeating: "0", count: 400)])
    func refusesNumbersOutOfRange(_ number: String) {
        #expect(throws: JSONError(.numberOutOfRange, at: 1)) { try JSONReader.parse("[\(number)]") }
    }

    /// An exponent that undoes a very long fraction must not be cut to a wrong value.
    @Test func handlesLongFractionsWithBigExponents() throws {
        let zeros = String(repeating: "0", count: 100_000)
        #expect(try JSONReader.parse("0.\(zeros)1e100003") == .double(100))
        #expect(throws: JSONError(.numberOutOfRange, at: 0)) { try JSONReader.parse("0.\(zeros)1e150000") }
    }

    @Test(arguments: [("[", "]"), ("{\"a\":", "}")])
    func limitsDepth(_ open: String, _ close: String) throws {
        func nested(_ depth: Int) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        #expect(throws: Never.self) { try JSONReader.parse(nested(32)) }
        #expect(throws: JSONError(.tooDeep, at: 32 * open.utf8.count)) { try JSONReader.parse(nested(33)) }
        #expect(throws: JSONError(.tooDeep, at: 2 * open.utf8.count)) {
            try JSONReader.parse(nested(3), limits: JSONLimits(depth: 2))
        }
        #expect(JSONLimits(depth: 100_000).depth == 512)
        #expect(JSONLimits(depth: 0).depth == 1)
    }

    /// Depth is that of the nesting, not the number of arrays and objects.
    @Test func depthGoesDownAgain() throws {
        let siblings = Array(repeating: "[[]]", count: 100).joined(separator: ",")
        #expect(throws: Never.self) { try JSONReader.parse("[\(siblings)]", limits: JSONLimits(depth: 3)) }
    }

    @Test func limitsTheNumberOfValues() throws {
        let limits = JSONLimits(values: 4)
        #expect(try JSONReader.parse("[1,[2]]", limits: limits) == [1, [2]])
        #expect(throws: JSONError(.tooManyValues, at: 8)) { try JSONReader.parse("[1,[2], 3]", limits: limits) }
        #expect(throws: JSONError(.tooManyValues, at: 11)) {
            try JSONReader.parse(#"{"a":[{"b":1, "a":2}]}"#, limits: JSONLimits(values: 3))
        }
        #expect(try JSONReader.parse(#"{"a":{"b":1,"c":null}}"#, limits: limits) == ["a": ["b": 1, "c": .null]])
        #expect(throws: JSONError(.tooManyValues, at: 26)) {
            try JSONReader.parse(#"{"a":{"b":1,"c":null},"d":"x"}"#, limits: limits)
        }
        #expect(JSONLimits(values: 0).values == 1)
        #expect(try JSONReader.parse("[]", limits: JSONLimits(values: 0)) == [])
    }

    @Test func limitsTheNumberOfValuesByDefault() throws {
        func zeros(_ count: Int) -> String { "[" + String(repeating: "0,", count: count - 1) + "0]" }
        #expect(try JSONReader.parse(zeros(199_999)).arrayValue?.count == 199_999)
        // The array counts too: the element at index 199,999 is the 200,001st value.
        #expect(throws: JSONError(.tooManyValues, at: 1 + 2 * 199_999)) { try JSONReader.parse(zeros(200_000)) }
        #expect(try JSONReader.parse(zeros(200_000), limits: JSONLimits(values: 200_001)).arrayValue?.count == 200_000)
        #expect(throws: JSONError(.tooManyValues, at: 1 + 2 * 199_999)) { try JSONValue(parsing: zeros(200_000)) }
    }

    @Test func readsBuffersFromTheirReaderIndex() throws {
        var buffer = ByteBuffer(string: "xx[1,2]")
        buffer.moveReaderIndex(forwardBy: 2)
        #expect(try JSONReader.parse(buffer) == [1, 2])
        #expect(buffer.readableBytes == 5)
        buffer.moveReaderIndex(forwardBy: 1)
        #expect(throws: JSONError(.malformed, at: 1)) { try JSONReader.parse(buffer) }
        #expect(throws: JSONError(.malformed, at: 0)) { try JSONReader.parse(ByteBuffer()) }
    }

    /// Every string length around the eight-byte steps, with the special byte at every place.
    @Test func findsSpecialBytesAtEveryPosition() throws {
        for length in 0..<20 {
            let plain = String(repeating: "a", count: length)
            #expect(try JSONReader.parse("\"\(plain)\"") == .string(plain))
            for position in 0..<length {
                let (before, after) = (plain.prefix(position), plain.dropFirst(position + 1))
                #expect(try JSONReader.parse("\"\(before)\\n\(after)\"") == .string("\(before)\n\(after)"))
                #expect(try JSONReader.parse("\"\(before)é\(after)\"") == .string("\(before)é\(after)"))
                #expect(throws: JSONError(.malformed, at: position + 1)) {
                    try JSONReader.parse("\"\(before)\u{1F}\(after)\"")
                }
            }
        }
    }

    @Test func errorsDescribeThemselvesWithoutTheDocument() {
        #expect(JSONError(.malformed, at: 7).message == "The body is not valid JSON at byte 7.")
        for code in JSONError.Code.allCases {
            #expect("\(JSONError(code, at: 12))".hasSuffix("at byte 12."))
        }
    }
}
