package import MinimoCore
package import Wire

/// What a handler sees of a request: the caller is known and allowed, the path matched, the query's names are known,
/// the body is JSON.
package struct APIRequest: Sendable {
    package let key: APIKey
    /// The values of the path's parameters in the order of the path, percent-decoded.
    package let parameters: [String]
    package let query: QueryParameters
    /// The body; `null` for routes without one.
    package let body: JSONValue
    package let requestID: String
    /// The moment of the request: every row that it writes carries the same time.
    package let now: Timestamp

    package var workspaceID: Int64 { key.workspace.id }

    /// Where the request's writes come from.
    package var origin: WriteOrigin { WriteOrigin(source: .api, requestID: requestID, at: now) }
}
