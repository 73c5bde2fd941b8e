package import Wire

/// The values that a template is rendered with, in layers: an earlier layer wins over a later one.
///
/// Within a layer a name matches exactly first, then without regard to case. `null` counts as no value, so a later
/// layer may supply one. A dotted name descends into objects, and each layer is asked for the whole name.
package struct TemplateValues: Sendable {
    /// The layers in order of precedence.
    package var layers: [JSONObject]

    /// Values in order of precedence, such as those of the call, of the contact, and the built-in ones.
    package init(_ layers: JSONObject...) {
        self.layers = layers
    }

    /// Values in order of precedence.
    package init(layers: [JSONObject]) {
        self.layers = layers
    }

    func value(of name: TemplateName, _ work: inout TemplateWork) throws(TemplateRenderError) -> JSONValue? {
        guard let first = name.segments.first else { return nil }
        for layer in layers {
            if let value = try first.value(in: layer, &work), let found = try name.descend(from: value, &work) {
                return found
            }
        }
        return nil
    }
}
