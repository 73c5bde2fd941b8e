import MinimoCore
import Wire

/// The JSON form of a contact (contract 10.1).
enum ContactJSON {
    static func write(_ contact: Contact, _ ids: PublicIDCodec, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", contact.id, .contact, ids)
        writer.member("email", contact.email)
        writer.member("phone", contact.phone)
        writer.member("firstName", contact.firstName)
        writer.member("lastName", contact.lastName)
        writer.member("language", contact.language)
        writer.member("status", contact.status.rawValue)
        writer.member("source", contact.source.rawValue)
        writer.member("externalId", contact.externalID)
        writer.rawMember("tags", contact.tagsJSON)
        writer.rawMember("customFields", contact.customFieldsJSON)
        writer.key("marketingConsent")
        writer.beginObject()
        writer.member("email", contact.emailConsent)
        writer.member("whatsapp", contact.whatsAppConsent)
        writer.endObject()
        writer.member("createdAt", contact.createdAt)
        writer.member("updatedAt", contact.updatedAt)
        writer.endObject()
    }
}
