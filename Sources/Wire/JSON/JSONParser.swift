/// The recursive-descent parser behind `JSONReader`. It works on raw memory that outlives it.
struct JSONParser {
    let base: UnsafePointer<UInt8>
    let count: Int
    private let depthLimit: Int
    /// How many more values may begin.
    private var remainingValues: Int
    /// Offset of the next byte to read; never beyond `count`.
    var offset = 0
    private var depth = 0

    init(base: UnsafePointer<UInt8>, count: Int, limits: JSONLimits) {
        self.base = base
        self.count = count
        depthLimit = limits.depth
        remainingValues = limits.values
    }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        skipWhitespace()
        let value = try parseValue()
        skipWhitespace()
        guard offset == count else { throw JSONError(.malformed, at: offset) }
        return value
    }

    @inline(__always)
    mutating func skipWhitespace() {
        while offset < count {
            switch base[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    /// The next byte after white space, not consumed.
    @inline(__always)
    private mutating func peekToken() throws(JSONError) -> UInt8 {
        skipWhitespace()
        guard offset < count else { throw JSONError(.malformed, at: count) }
        return base[offset]
    }

    private mutating func parseValue() throws(JSONError) -> JSONValue {
        guard offset < count else { throw JSONError(.malformed, at: count) }
        guard remainingValues > 0 else { throw JSONError(.tooManyValues, at: offset) }
        remainingValues -= 1
        switch base[offset] {
        case UInt8(ascii: "\""):
            offset += 1
            return .string(try parseString())
        case UInt8(ascii: "{"): return try parseObject()
        case UInt8(ascii: "["): return try parseArray()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        default: throw JSONError(.malformed, at: offset)
        }
    }

    private mutating func expect(_ literal: StaticString) throws(JSONError) {
        let expected = literal.utf8Start
        for index in 0..<literal.utf8CodeUnitCount {
            guard offset < count, base[offset] == expected[index] else { throw JSONError(.malformed, at: offset) }
            offset += 1
        }
    }

    private mutating func enter() throws(JSONError) {
        guard depth < depthLimit else { throw JSONError(.tooDeep, at: offset) }
        depth += 1
        offset += 1
    }

    private mutating func parseArray() throws(JSONError) -> JSONValue {
        try enter()
        var elements: [JSONValue] = []
        if try peekToken() == UInt8(ascii: "]") {
            offset += 1
            depth -= 1
            return .array(elements)
        }
        while true {
            elements.append(try parseValue())
            switch try peekToken() {
            case UInt8(ascii: ","):
                offset += 1
                skipWhitespace()
            case UInt8(ascii: "]"):
                offset += 1
                depth -= 1
                return .array(elements)
            default: throw JSONError(.malformed, at: offset)
            }
        }
    }

    private mutating func parseObject() throws(JSONError) -> JSONValue {
        try enter()
        var object = JSONObject()
        if try peekToken() == UInt8(ascii: "}") {
            offset += 1
            depth -= 1
            return .object(object)
        }
        object.reserveCapacity(4)
        while true {
            guard try peekToken() == UInt8(ascii: "\"") else { throw JSONError(.malformed, at: offset) }
            let keyOffset = offset
            offset += 1
            let key = try parseString()
            guard try peekToken() == UInt8(ascii: ":") else { throw JSONError(.malformed, at: offset) }
            offset += 1
            skipWhitespace()
            let value = try parseValue()
            guard object.append(key, value) else { throw JSONError(.duplicateKey, at: keyOffset) }
            switch try peekToken() {
            case UInt8(ascii: ","): offset += 1
            case UInt8(ascii: "}"):
                offset += 1
                depth -= 1
                return .object(object)
            default: throw JSONError(.malformed, at: offset)
            }
        }
    }
}
