package import Wire

/// The page that a list request asks for (contract 6.1).
package struct Page: Sendable {
    /// The query parameters of every list.
    package static let parameters: Set<String> = ["page", "limit"]

    /// From 1.
    package let number: Int64
    /// From 1 to 100.
    package let limit: Int

    /// - Throws: ``APIError`` `bad_request` for anything but whole numbers in range.
    package init(_ query: QueryParameters) throws(APIError) {
        number = try Self.number(query, "page", default: 1, in: 1...Self.lastPage)
        limit = Int(try Self.number(query, "limit", default: 25, in: 1...100))
    }

    package var offset: Int64 { (number - 1) * Int64(limit) }

    /// Writes `{"data":[…],"pagination":{…}}`.
    package func reply<Item>(
        _ items: [Item], total: Int64, _ write: (inout JSONWriter, Item) -> Void
    ) -> Reply {
        let pages = (total + Int64(limit) - 1) / Int64(limit)
        return .json(capacity: 256 + items.count * 512) { writer in
            writer.beginObject()
            writer.key("data")
            writer.beginArray()
            for item in items { write(&writer, item) }
            writer.endArray()
            writer.key("pagination")
            writer.beginObject()
            writer.member("page", number)
            writer.member("limit", limit)
            writer.member("total", total)
            writer.member("totalPages", pages)
            writer.member("hasNext", number < pages)
            writer.member("hasPrevious", number > 1)
            writer.endObject()
            writer.endObject()
        }
    }

    /// Far beyond any list, and small enough that the offset cannot overflow.
    private static let lastPage: Int64 = 1_000_000_000_000

    private static func number(
        _ query: QueryParameters, _ name: String, default fallback: Int64, in range: ClosedRange<Int64>
    ) throws(APIError) -> Int64 {
        guard let text = try query.single(name) else { return fallback }
        guard let value = Int64(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), range.contains(value)
        else {
            let bounds = range.upperBound == lastPage ? "of at least 1" : "from 1 to \(range.upperBound)"
            throw APIError(
                .badRequest, "\"\(name)\" must be a whole number \(bounds)",
                details: ["field": .string(name), "value": .string(String(text.prefix(256)))])
        }
        return value
    }
}
