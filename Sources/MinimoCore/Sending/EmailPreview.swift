package import Wire

/// A template rendered for looking at, by the code that sends.
package enum EmailPreview {
    /// Renders the parts; variables without a value come out empty and are named in ``RenderedEmail/missing``.
    ///
    /// - Throws: ``EmailTemplateError`` when a part does not parse, ``TemplateRenderError`` when one does not render.
    package static func render(
        _ source: EmailTemplateSource, values: JSONObject, contact: Contact?
    ) throws -> RenderedEmail {
        try CompiledEmailTemplate(source).render(
            TemplateValues(EmailValues.merged(call: values, contact: contact, recipient: nil)))
    }
}
