import Wire

/// The query string of a request.
package struct QueryParameters: Sendable {
    private let pairs: [(name: String, value: String)]

    /// - Parameter query: the part after `?`, still encoded; `nil` when there is none.
    /// - Throws: ``APIError`` `bad_request` when an escape is malformed or a name is not in `known` (contract 2.4).
    package init(_ query: Substring?, known: Set<String>) throws(APIError) {
        var pairs: [(name: String, value: String)] = []
        for part in (query ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decodeForm(halves[0]),
                let value = halves.count == 2 ? PercentEncoding.decodeForm(halves[1]) : ""
            else {
                throw APIError(.badRequest, "The query string is not valid percent-encoded UTF-8")
            }
            guard known.contains(name) else {
                throw APIError(
                    .badRequest, "Unknown query parameter \"\(name.prefix(64))\"",
                    details: ["field": .string(String(name.prefix(64)))])
            }
            pairs.append((name, value))
        }
        self.pairs = pairs
    }

    /// The value of a parameter that may stand once.
    ///
    /// - Throws: ``APIError`` `bad_request` when it stands more than once.
    package func single(_ name: String) throws(APIError) -> String? {
        let values = pairs.filter { $0.name == name }
        guard values.count <= 1 else {
            throw APIError(
                .badRequest, "The query parameter \"\(name)\" may stand only once", details: ["field": .string(name)])
        }
        return values.first?.value
    }
}
