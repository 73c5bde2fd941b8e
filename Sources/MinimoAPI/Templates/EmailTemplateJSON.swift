import MinimoCore
import Wire

/// The JSON form of an email template (contract 10.3). The list omits the bodies.
enum EmailTemplateJSON {
    static func write(
        _ template: EmailTemplate, _ ids: PublicIDCodec, bodies: Bool, to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.member("id", template.id, .emailTemplate, ids)
        writer.member("name", template.name)
        writer.member("subject", template.source.subject)
        writer.member("preheader", template.source.preheader)
        if bodies {
            writer.member("html", template.source.html)
            writer.member("text", template.source.text)
        }
        writer.member("category", template.category.rawValue)
        writer.member("status", template.status.rawValue)
        writer.rawMember("variables", template.variablesJSON)
        writer.member("version", template.version)
        writer.member("createdAt", template.createdAt)
        writer.member("updatedAt", template.updatedAt)
        writer.endObject()
    }
}
