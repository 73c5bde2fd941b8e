// The standard library normalises strings for comparison but does not offer the normalised text; Foundation does.
import Foundation

/// Unicode normalisation forms.
enum UnicodeText {
    /// Normalisation form C.
    static func canonicalComposition(_ text: String) -> String {
        text.precomposedStringWithCanonicalMapping
    }

    /// Normalisation form KC: compatibility characters (full-width letters, ligatures) become their ordinary form.
    static func compatibilityComposition(_ text: String) -> String {
        text.precomposedStringWithCompatibilityMapping
    }
}
