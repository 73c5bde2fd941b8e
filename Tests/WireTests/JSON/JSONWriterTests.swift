import NIOCore
import Testing
import Wire

struct JSONWriterTests {
    @Test func writesEveryKind() {
        var writer = JSONWriter()
        let dynamic = "dyn\"amic"
        writer.beginObject()
        writer.member("text", "a\"b")
        writer.member("noText", String?.none)
        writer.member("int", 5)
        writer.member("int64", Int64.min)
        writer.member("noInt", Int64?.none)
        writer.member("double", 1.5)
        writer.member("noDouble", Double?.none)
        writer.member("yes", true)
        writer.member("no", Bool?.some(false))
        writer.member("at", Timestamp(seconds: 1_763_029_800))
        writer.member("never", Timestamp?.none)
        writer.member("value", JSONValue.array([1, .null]))
        writer.member("object", JSONObject())
        writer.member("tags", ["x", "y"])
        writer.member("noTags", [String]())
        writer.rawMember("raw", #"{"k":1}"#)
        writer.rawMember("noRaw", nil)
        writer.nullMember("null")
        writer.key(dynamic)
        writer.beginArray()
        writer.value(1)
        writer.raw("[2]")
        writer.beginObject()
        writer.endObject()
        writer.null()
        writer.value("é")
        writer.value(Int?.none)
        writer.endArray()
        writer.endObject()
        #expect(
            writer.text == #"{"text":"a\"b","noText":null,"int":5,"int64":-9223372036854775808,"noInt":null,"#
                + #""double":1.5,"noDouble":null,"yes":true,"no":false,"at":"2025-11-13T10:30:00Z","never":null,"#
                + #""value":[1,null],"object":{},"tags":["x","y"],"noTags":[],"raw":{"k":1},"noRaw":null,"null":null,"#
                + #""dyn\"amic":[1,[2],{},null,"é",null]}"#)
    }

    @Test(arguments: [
        (0.0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (0.1, "0.1"), (1e21, "1e+21"), (.leastNonzeroMagnitude, "5e-324"),
        (1.0 / 3, "0.3333333333333333"),
        (.nan, "null"), (.infinity, "null"), (-.infinity, "null"),
    ])
    func writesDoublesShortest(_ value: Double, _ expected: String) {
        #expect(JSONValue.double(value).serialized() == expected)
    }

    @Test func escapesWhatMustBeEscapedAndNothingElse() throws {
        for scalar in (0..<0x80).compactMap(UnicodeScalar.init) {
            let written = JSONValue.string(String(scalar)).serialized()
            let expected =
                switch scalar {
                case "\"": #""\"""#
                case "\\": #""\\""#
                case "\n": #""\n""#
                case "\r": #""\r""#
                case "\t": #""\t""#
                case "\u{8}": #""\b""#
                case "\u{C}": #""\f""#
                case "\0"..<"\u{10}": "\"\\u000\(String(scalar.value, radix: 16))\""
                case "\u{10}"..<" ": "\"\\u001\(String(scalar.value - 16, radix: 16))\""
                default: "\"\(scalar)\""
                }
            #expect(written == expected)
        }
        #expect(JSONValue.string("é\u{2028}😀/").serialized() == "\"é\u{2028}😀/\"")
    }

    @Test(arguments: 0..<20)
    func escapesAtEveryPosition(_ length: Int) {
        for position in 0..<length {
            var text = Array(repeating: Character("a"), count: length)
            text[position] = "\""
            let written = JSONValue.string(String(text)).serialized()
            #expect(
                written == "\""
                    + String(text).split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
                    + "\"")
        }
    }

    @Test(arguments: [0, 9, 10, 99, 100, -1, -10, 12_345_678_901, Int64.max, Int64.min])
    func writesIntegers(_ value: Int64) {
        #expect(JSONValue.integer(value).serialized() == String(value))
    }

    @Test func appendsToABuffer() {
        var writer = JSONWriter(appendingTo: ByteBuffer(string: "data: "))
        writer.value(true)
        #expect(writer.text == "data: true")
    }

    @Test func growsBeyondItsCapacity() {
        var writer = JSONWriter(capacity: 1)
        let long = String(repeating: "x\n", count: 5000)
        writer.value(long)
        #expect(writer.text == "\"" + String(repeating: "x\\n", count: 5000) + "\"")
    }

    @Test func writesPublicIDs() {
        let codec = PublicIDCodec(key: Array(0..<16))
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("id", 1, .contact, codec)
        writer.member("none", nil, .contact, codec)
        writer.endObject()
        #expect(writer.text == #"{"id":"cnt_5cshd2pz5n7a9","none":null}"#)
    }
}
