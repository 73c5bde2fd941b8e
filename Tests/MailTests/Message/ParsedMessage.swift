import Foundation
import NIOCore

@testable import Mail

/// What Python's `email` package reads out of a message.
struct ParsedMessage: Decodable {
    struct Address: Decodable, Equatable {
        let name: String
        let address: String
    }

    struct Part: Decodable {
        let type: String
        let disposition: String?
        let filename: String?
        let contentID: String?
        let encoding: String?
        let content: Data
    }

    let defects: [String]
    let header: [[String]]
    let subject: String
    let from: [Address]
    let sender: [Address]
    let to: [Address]
    let cc: [Address]
    let replyTo: [Address]
    let messageID: String
    let unixSeconds: Int64
    /// The media types of all parts, outermost first.
    let types: [String]
    let leaves: [Part]

    /// Parses many messages in one run of Python.
    static func parse(_ messages: [ByteBuffer]) async throws -> [ParsedMessage] {
        var input = Data()
        for message in messages {
            withUnsafeBytes(of: UInt32(message.readableBytes).bigEndian) { input.append(contentsOf: $0) }
            input.append(contentsOf: message.readableBytesView)
        }
        let decoder = JSONDecoder()
        decoder.dataDecodingStrategy = .base64
        return try decoder.decode([ParsedMessage].self, from: try await Python.run(script, input: input))
    }

    private static let script = """
        import base64, json, struct, sys
        from email import policy
        from email.header import decode_header, make_header
        from email.parser import BytesParser
        from email.utils import getaddresses

        def defects_of(message):
            found = [repr(d) for d in message.defects]
            for name, value in message.items():
                found += [name + ": " + repr(d) for d in value.defects]
            if message.is_multipart():
                for part in message.iter_parts():
                    found += defects_of(part)
            return found

        def addresses(message, old, name):
            header = message[name]
            if header is None:
                return []
            # The new parser keeps the white space between encoded-words of a phrase, against RFC 2047 section 6.2; the old one does not.
            names = [str(make_header(decode_header(n))) for n, _ in getaddresses([old[name]])]
            specs = [a.addr_spec for a in header.addresses]
            assert len(names) == len(specs), old[name]
            for name, a in zip(names, header.addresses):
                assert "".join(name.split()) == "".join(a.display_name.split())
            return [{"name": n, "address": a} for n, a in zip(names, specs)]

        def leaf(part):
            return {
                "type": part.get_content_type(),
                "disposition": part.get_content_disposition(),
                "filename": part.get_filename(),
                "contentID": part["Content-ID"],
                "encoding": part["Content-Transfer-Encoding"],
                "content": base64.b64encode(part.get_payload(decode=True)).decode(),
            }

        result = []
        data = open(sys.argv[1], "rb").read()
        at = 0
        while at < len(data):
            (length,) = struct.unpack(">I", data[at:at + 4])
            raw = data[at + 4:at + 4 + length]
            at += 4 + length
            message = BytesParser(policy=policy.default).parsebytes(raw)
            old = BytesParser(policy=policy.compat32).parsebytes(raw)
            parts = list(message.walk())
            leaves = [leaf(p) for p in parts if not p.is_multipart()]
            found = defects_of(message)
            result.append({
                "defects": found,
                "header": [[name, str(value)] for name, value in message.items()],
                "subject": str(message["Subject"]),
                "from": addresses(message, old, "From"),
                "sender": addresses(message, old, "Sender"),
                "to": addresses(message, old, "To"),
                "cc": addresses(message, old, "Cc"),
                "replyTo": addresses(message, old, "Reply-To"),
                "messageID": str(message["Message-ID"]),
                "unixSeconds": int(message["Date"].datetime.timestamp()),
                "types": [p.get_content_type() for p in parts],
                "leaves": leaves,
            })
        json.dump(result, open(sys.argv[2], "w"))
        """
}
