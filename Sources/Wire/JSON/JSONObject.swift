/// The members of a JSON object, in the order in which they were added, each name once.
///
/// Names are compared by their code points. Equality and hashing ignore the order. Look-ups are linear in small objects
/// and hashed in big ones, so no sequence of look-ups and insertions is worse than linear in the size of the object;
/// removing a member costs time proportional to the number of members.
package struct JSONObject: Sendable {
    /// One name with its value.
    package struct Member: Sendable {
        /// The name, unescaped.
        package let key: String
        /// The value, which may be `null`.
        package var value: JSONValue
    }

    /// More members than this are looked up through `index`.
    private static let linearLimit = 16

    /// The members in order.
    package private(set) var members: [Member] = []

    /// Position by name; only objects with more than `linearLimit` members have it.
    private var index: [JSONKey: Int]?

    /// An empty object.
    package init() {}

    /// An object of the given members; of several with the same name the last one wins, at the place of the first.
    package init(_ elements: some Sequence<(String, JSONValue)>) {
        for (key, value) in elements {
            self[key] = value
        }
    }

    /// The number of members.
    package var count: Int { members.count }
    /// Whether there are no members.
    package var isEmpty: Bool { members.isEmpty }

    /// The names in order.
    package var keys: some RandomAccessCollection<String> & Sendable { members.lazy.map(\.key) }

    /// The value of the member `key`. Assigning replaces it in place or appends it; assigning nil removes it.
    package subscript(_ key: String) -> JSONValue? {
        get {
            position(of: key).map { members[$0].value }
        }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?): members[position].value = value
            case (let position?, nil): remove(at: position)
            case (nil, let value?): appendUnchecked(key, value)
            case (nil, nil): break
            }
        }
    }

    /// Appends a member and answers true, or answers false and changes nothing when the name is taken.
    package mutating func append(_ key: String, _ value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        appendUnchecked(key, value)
        return true
    }

    /// Whether there is a member of that name, `null` or not.
    package func contains(_ key: String) -> Bool {
        position(of: key) != nil
    }

    /// Makes room for `count` members in one step.
    package mutating func reserveCapacity(_ count: Int) {
        members.reserveCapacity(count)
    }

    private func position(of key: String) -> Int? {
        if let index {
            return index[JSONKey(key)]
        }
        for position in members.indices where members[position].key.hasSameBytes(as: key) {
            return position
        }
        return nil
    }

    private mutating func appendUnchecked(_ key: String, _ value: JSONValue) {
        members.append(Member(key: key, value: value))
        if index != nil {
            index?[JSONKey(key)] = members.count - 1
        } else if members.count > Self.linearLimit {
            makeIndex()
        }
    }

    private mutating func remove(at position: Int) {
        members.remove(at: position)
        if index != nil {
            makeIndex()
        }
    }

    private mutating func makeIndex() {
        var index: [JSONKey: Int] = [:]
        index.reserveCapacity(members.count * 2)
        for position in members.indices {
            index[JSONKey(members[position].key)] = position
        }
        self.index = index
    }
}

extension JSONObject: Sequence {
    /// Walks over the members in order.
    package struct Iterator: IteratorProtocol, Sendable {
        fileprivate var base: IndexingIterator<[Member]>

        package mutating func next() -> (key: String, value: JSONValue)? {
            base.next().map { ($0.key, $0.value) }
        }
    }

    package func makeIterator() -> Iterator { Iterator(base: members.makeIterator()) }
    package var underestimatedCount: Int { members.count }
}

extension JSONObject: Equatable {
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        // Names are unique, so equal counts and a match for each member on the left are enough.
        return left.members.allSatisfy { right[$0.key] == $0.value }
    }
}

extension JSONObject: Hashable {
    package func hash(into hasher: inout Hasher) {
        // Independent of the order: the members' hashes are combined by a commutative operation.
        var sum: UInt64 = 0
        for member in members {
            var memberHasher = Hasher()
            member.key.hashBytes(into: &memberHasher)
            memberHasher.combine(member.value)
            sum &+= UInt64(bitPattern: Int64(memberHasher.finalize()))
        }
        hasher.combine(members.count)
        hasher.combine(sum)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements)
    }
}

/// A member name as a dictionary key, compared by code points.
private struct JSONKey: Hashable, Sendable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: JSONKey, right: JSONKey) -> Bool {
        left.text.hasSameBytes(as: right.text)
    }

    func hash(into hasher: inout Hasher) {
        text.hashBytes(into: &hasher)
    }
}

extension String {
    /// Whether both strings have the same UTF-8 bytes. `==` would also accept canonically equivalent spellings.
    func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let compared = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in left.elementsEqual(right) }
        }
        return (compared ?? nil) ?? utf8.elementsEqual(other.utf8)
    }

    /// Hashes what `hasSameBytes` compares. `hash(into:)` hashes the canonical form, which is the same for any order of
    /// many combining marks: somebody could send names that all differ and all have the same hash.
    func hashBytes(into hasher: inout Hasher) {
        var text = self
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // No byte of UTF-8, so that ("ab", "c") and ("a", "bc") are different inputs.
        hasher.combine(0xFF as UInt8)
    }
}
