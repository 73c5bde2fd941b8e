package import HTTPTypes
package import NIOCore
package import Wire

/// A finished answer: status, a body in one buffer, and the headers that belong to this answer alone.
package struct Reply: Sendable {
    package var status: HTTPResponse.Status
    package var body: ByteBuffer
    package var headers: [HTTPField]

    package init(status: HTTPResponse.Status = .ok, body: ByteBuffer, headers: [HTTPField] = []) {
        self.status = status
        self.body = body
        self.headers = headers
    }

    /// An answer whose JSON `write` produces.
    package static func json(
        _ status: HTTPResponse.Status = .ok, location: String? = nil, capacity: Int = 512,
        _ write: (inout JSONWriter) throws -> Void
    ) rethrows -> Reply {
        var writer = JSONWriter(capacity: capacity)
        try write(&writer)
        let headers = location.map { [HTTPField(name: .location, value: $0)] } ?? []
        return Reply(status: status, body: writer.buffer, headers: headers)
    }

    /// The answer to a deletion: `{"id":"…","deleted":true}`.
    package static func deleted(_ id: Int64, _ kind: PublicIDKind, _ ids: PublicIDCodec) -> Reply {
        .json { writer in
            writer.beginObject()
            writer.member("id", id, kind, ids)
            writer.member("deleted", true)
            writer.endObject()
        }
    }
}
