/// Members and optional values: nil is written as `null` (contract §3.1: a member without a value is `null`, not absent).
extension JSONWriter {
    /// A string, or `null` for nil.
    package mutating func value(_ value: String?) {
        if let value { self.value(value) } else { null() }
    }

    /// An integer, or `null` for nil.
    package mutating func value(_ value: Int64?) {
        if let value { self.value(value) } else { null() }
    }

    /// An integer, or `null` for nil.
    package mutating func value(_ value: Int?) {
        if let value { self.value(value) } else { null() }
    }

    /// A double, or `null` for nil.
    package mutating func value(_ value: Double?) {
        if let value { self.value(value) } else { null() }
    }

    /// A boolean, or `null` for nil.
    package mutating func value(_ value: Bool?) {
        if let value { self.value(value) } else { null() }
    }

    /// A timestamp, or `null` for nil.
    package mutating func value(_ value: Timestamp?) {
        if let value { self.value(value) } else { null() }
    }

    /// Any value, or `null` for nil.
    package mutating func value(_ value: JSONValue?) {
        if let value { self.value(value) } else { null() }
    }

    /// An object, or `null` for nil.
    package mutating func value(_ value: JSONObject?) {
        if let value { self.value(value) } else { null() }
    }

    /// A member whose value is a string, or `null` for nil.
    package mutating func member(_ name: StaticString, _ value: String?) {
        key(name)
        self.value(value)
    }

    /// A member whose value is an integer, or `null` for nil.
    package mutating func member(_ name: StaticString, _ value: Int64?) {
        key(name)
        self.value(value)
    }

    /// A member whose value is an integer, or `null` for nil.
    package mutating func member(_ name: StaticString, _ value: Int?) {
        key(name)
        self.value(value)
    }

    /// A member whose value is a double, or `null` for nil.
    package mutating func member(_ name: StaticString, _ value: Double?) {
        key(name)
        self.value(value)
    }

    /// A member whose value is a boolean, or `null` for nil.
    package mutating func member(_ name: StaticString, _ value: Bool?) {
        key(name)
        self.value(value)
    }

    /// A member whose value is a timestamp, or `null` for nil.
    package mutating func member(_ name: StaticString, _ value: Timestamp?) {
        key(name)
        self.value(value)
    }

    /// A member whose value is any value, or `null` for nil.
    package mutating func member(_ name: StaticString, _ value: JSONValue?) {
        key(name)
        self.value(value)
    }

    /// A member whose value is an object, or `null` for nil.
    package mutating func member(_ name: StaticString, _ value: JSONObject?) {
        key(name)
        self.value(value)
    }

    /// A member whose value is an array of strings.
    package mutating func member(_ name: StaticString, _ values: [String]) {
        key(name)
        value(values)
    }

    /// An array of strings.
    package mutating func value(_ values: [String]) {
        beginArray()
        for value in values {
            self.value(value)
        }
        endArray()
    }

    /// A member that is `null`.
    package mutating func nullMember(_ name: StaticString) {
        key(name)
        null()
    }

    /// A member whose value is JSON text already; nil is written as `null`. See `raw(_:)`.
    package mutating func rawMember(_ name: StaticString, _ json: String?) {
        key(name)
        if let json { raw(json) } else { null() }
    }
}
