package import NIOCore

/// Writes compact JSON straight into a `ByteBuffer`; commas and colons are automatic.
///
/// The caller keeps the structure right: a `key` before each value inside an object, and each `begin…` matched by its
/// `end…`. Doubles are written in the shortest form that reads back as the same double; NaN and infinities, which JSON
/// cannot express, become `null`.
package struct JSONWriter: Sendable {
    /// What has been written so far.
    package var buffer: ByteBuffer
    /// Whether the next value or key has a predecessor on its level.
    private var needsComma = false

    /// An empty writer with room for `capacity` bytes; it grows as needed.
    package init(capacity: Int = 512) {
        buffer = ByteBuffer()
        buffer.reserveCapacity(capacity)
    }

    /// A writer that appends to `buffer`, whose contents it leaves as they are.
    package init(appendingTo buffer: ByteBuffer) {
        self.buffer = buffer
    }

    /// What has been written so far, as text.
    package var text: String { String(buffer: buffer) }

    /// Opens an object; what follows up to `endObject` are its members.
    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Closes the object that was opened last.
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Opens an array; what follows up to `endArray` are its elements.
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Closes the array that was opened last.
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// A member name that is known at compile time and needs no escaping.
    package mutating func key(_ name: StaticString) {
        let length = name.utf8CodeUnitCount
        append(atMost: length + 4) { [needsComma] cursor in
            if needsComma { cursor.put(UInt8(ascii: ",")) }
            cursor.put(UInt8(ascii: "\""))
            cursor.put(UnsafeBufferPointer(start: name.utf8Start, count: length))
            cursor.put(UInt8(ascii: "\""))
            cursor.put(UInt8(ascii: ":"))
        }
        needsComma = false
    }

    /// A member name that is only known at run time.
    @_disfavoredOverload
    package mutating func key(_ name: String) {
        quoted(name)
        buffer.writeInteger(UInt8(ascii: ":"))
        needsComma = false
    }

    /// The value `null`.
    package mutating func null() {
        literal("null")
    }

    /// `true` or `false`.
    package mutating func value(_ value: Bool) {
        if value { literal("true") } else { literal("false") }
    }

    /// An integer, exactly.
    package mutating func value(_ value: Int64) {
        append(atMost: 21) { [needsComma] cursor in
            if needsComma { cursor.put(UInt8(ascii: ",")) }
            cursor.putDecimal(value)
        }
        needsComma = true
    }

    /// An integer, exactly.
    package mutating func value(_ value: Int) {
        self.value(Int64(value))
    }

    /// A number in the shortest form that reads back as the same double; `null` for NaN and infinities.
    package mutating func value(_ value: Double) {
        guard value.isFinite else { return null() }
        raw(value.description)
    }

    /// A string; only quotes, backslashes and control characters are escaped.
    package mutating func value(_ value: String) {
        quoted(value)
        needsComma = true
    }

    /// The timestamp as a string, `"2025-11-13T10:30:00Z"`.
    package mutating func value(_ value: Timestamp) {
        appendQuoted(atMost: Timestamp.textLength) { cursor in value.putText(to: &cursor) }
    }

    /// Any value, members in their order.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): self.value(value)
        case .integer(let value): self.value(value)
        case .double(let value): self.value(value)
        case .string(let value): self.value(value)
        case .array(let elements):
            beginArray()
            for element in elements {
                self.value(element)
            }
            endArray()
        case .object(let object): self.value(object)
        }
    }

    /// An object, members in their order.
    package mutating func value(_ value: JSONObject) {
        beginObject()
        for member in value.members {
            key(member.key)
            self.value(member.value)
        }
        endObject()
    }

    /// A value that is JSON text already, such as a stored document. The caller vouches for it: it is not checked.
    package mutating func raw(_ json: String) {
        if needsComma { buffer.writeInteger(UInt8(ascii: ",")) }
        buffer.writeString(json)
        needsComma = true
    }

    /// A value that is JSON text already, known at compile time.
    private mutating func literal(_ json: StaticString) {
        append(atMost: json.utf8CodeUnitCount + 1) { [needsComma] cursor in
            if needsComma { cursor.put(UInt8(ascii: ",")) }
            cursor.put(UnsafeBufferPointer(start: json.utf8Start, count: json.utf8CodeUnitCount))
        }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        append(atMost: 2) { [needsComma] cursor in
            if needsComma { cursor.put(UInt8(ascii: ",")) }
            cursor.put(bracket)
        }
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        buffer.writeInteger(bracket)
        needsComma = true
    }

    /// Writes a string with its quotes, and the comma before it.
    private mutating func quoted(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            // The common case needs no escape and fits as it is; otherwise each byte may become six.
            let isPlain = utf8.needsNoEscaping
            append(atMost: (isPlain ? utf8.count : utf8.count * 6) + 3) { [needsComma] cursor in
                if needsComma { cursor.put(UInt8(ascii: ",")) }
                cursor.put(UInt8(ascii: "\""))
                if isPlain { cursor.put(utf8) } else { cursor.putEscaped(utf8) }
                cursor.put(UInt8(ascii: "\""))
            }
        }
    }

    /// Writes a string value whose contents, at most `limit` bytes that need no escaping, `body` puts.
    @inline(__always)
    mutating func appendQuoted(atMost limit: Int, _ body: (inout ByteCursor) -> Void) {
        append(atMost: limit + 3) { [needsComma] cursor in
            if needsComma { cursor.put(UInt8(ascii: ",")) }
            cursor.put(UInt8(ascii: "\""))
            body(&cursor)
            cursor.put(UInt8(ascii: "\""))
        }
        needsComma = true
    }

    /// Lets `body` write up to `limit` bytes at the end of the buffer, with one capacity check for all of them.
    @inline(__always)
    private mutating func append(atMost limit: Int, _ body: (inout ByteCursor) -> Void) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { memory in
            var cursor = ByteCursor(memory)
            body(&cursor)
            return cursor.written
        }
    }
}
