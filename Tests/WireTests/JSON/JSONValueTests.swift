import Testing
import Wire

struct JSONValueTests {
    @Test(arguments: [
        (JSONValue.integer(1), JSONValue.double(1), true), (.integer(0), .double(-0.0), true),
        (.integer(.max), .double(9_223_372_036_854_775_808), false), (.integer(1), .double(1.5), false),
        (.integer(1), .bool(true), false), (.null, .bool(false), false), (.string("1"), .integer(1), false),
        (.string("\u{E9}"), .string("e\u{301}"), false), (.array([1, 2]), .array([2, 1]), false),
        (.object(["a": 1, "b": 2]), .object(["b": 2.0, "a": 1]), true),
        (.object(["a": 1]), .object(["a": .null]), false),
        (.object(["a": 1]), .object(["b": 1]), false), (.object([:]), .array([]), false),
    ])
    func comparesByValue(_ left: JSONValue, _ right: JSONValue, _ equal: Bool) {
        #expect((left == right) == equal)
        #expect((right == left) == equal)
        if equal { #expect(left.hashValue == right.hashValue) }
        #expect(Set([left, right]).count == (equal ? 1 : 2))
    }

    @Test func readsItsKinds() {
        #expect(JSONValue.integer(5).integerValue == 5)
        #expect(JSONValue.double(5).integerValue == 5)
        #expect(JSONValue.double(5.5).integerValue == nil)
        #expect(JSONValue.integer(5).doubleValue == 5)
        #expect(JSONValue.string("x").stringValue == "x")
        #expect(JSONValue.bool(true).boolValue == true)
        #expect(JSONValue.bool(true).integerValue == nil)
        #expect(JSONValue.null.isNull)
        #expect(!JSONValue.bool(false).isNull)
        #expect(JSONValue.array([1]).arrayValue == [1])
        #expect(JSONValue.object(["a": [1]])["a"] == [1])
        #expect(JSONValue.array([1])["a"] == nil)
    }

    @Test func parsesAndSerializes() throws {
        let text = #"{"b":[1,2.5,"x"],"a":null}"#
        #expect(try JSONValue(parsing: text).serialized() == text)
        #expect(throws: JSONError(.malformed, at: 1)) { try JSONValue(parsing: "[") }
    }
}

struct JSONObjectTests {
    @Test func keepsOrderAndReplacesInPlace() {
        var object: JSONObject = ["b": 1, "a": 2]
        object["c"] = 3
        object["b"] = 4
        #expect(Array(object.keys) == ["b", "a", "c"])
        #expect(object.map(\.value) == [4, 2, 3])
        object["a"] = nil
        #expect(Array(object.keys) == ["b", "c"])
        object["missing"] = nil
        #expect(object.count == 2)
        object["a"] = .null
        #expect(object["a"] == .null)
        #expect(object.contains("a"))
        #expect(!object.contains("A"))
    }

    @Test func appendRefusesTakenNames() {
        var object = JSONObject()
        #expect(object.isEmpty)
        let first = object.append("a", 1)
        let second = object.append("a", 2)
        #expect(first && !second)
        #expect(object == ["a": 1])
    }

    /// The same operations on an object and a dictionary, across the size at which look-ups become hashed.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func behavesLikeADictionary(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var object = JSONObject()
        var dictionary: [String: JSONValue] = [:]
        for step in 0..<600 {
            let key = "key \(Int.random(in: 0..<40, using: &random))"
            let value: JSONValue? = Int.random(in: 0...3, using: &random) == 0 ? nil : .integer(Int64(step))
            object[key] = value
            dictionary[key] = value
            #expect(object.count == dictionary.count)
            #expect(object[key] == dictionary[key])
        }
        #expect(Dictionary(uniqueKeysWithValues: object.map { ($0.key, $0.value) }) == dictionary)
        var reversed = JSONObject()
        for member in object.members.reversed() { reversed[member.key] = member.value }
        #expect(reversed == object)
        #expect(reversed.hashValue == object.hashValue)
        reversed["one more"] = 1
        #expect(reversed != object)
    }

    /// Names that differ only in the order of combining marks are canonically equivalent, so a hash of the canonical form
    /// would put all of them into one bucket.
    @Test func hashesTheBytesOfNames() throws {
        #expect(JSONValue.string("\u{E9}").hashValue != JSONValue.string("e\u{301}").hashValue)
        #expect(JSONObject([("\u{E9}", 1)]).hashValue != JSONObject([("e\u{301}", 1)]).hashValue)
        // Each mark has a combining class of its own.
        let marks: [Unicode.Scalar] = [
            "\u{334}", "\u{327}", "\u{31B}", "\u{316}", "\u{301}", "\u{315}", "\u{345}",
        ]
        let names = permutations(of: marks).map { String(String.UnicodeScalarView($0)) }
        #expect(names.count == 5040)
        #expect(Set(names).count == 1)
        // In one bucket, finding one of them would mean comparing with all.
        #expect(Set(names.map { JSONValue.string($0).hashValue }).count > 5000)
    }

    private func permutations(of marks: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        guard let last = marks.last else { return [[]] }
        return permutations(of: marks.dropLast()).flatMap { shorter in
            (0...shorter.count).map { position in
                var longer = shorter
                longer.insert(last, at: position)
                return longer
            }
        }
    }

    @Test func laterDuplicatesWinInLiterals() {
        let object: JSONObject = ["a": 1, "b": 2, "a": 3]
        #expect(Array(object.keys) == ["a", "b"])
        #expect(object["a"] == 3)
    }
}
