/// A variable that a template's author uses.
package struct TemplateVariable: Sendable, Hashable {
    /// The dotted name as it is written.
    package let name: String
    /// Whether every occurrence has a `default` filter, so that the template renders without a value.
    package private(set) var hasDefault: Bool
    /// Whether every occurrence is inside a section, so that a value may not be needed or may come from the section.
    package private(set) var isOnlyInSections: Bool

    /// What one occurrence, or several together, say about a variable.
    package init(name: String, hasDefault: Bool, isOnlyInSections: Bool) {
        self.name = name
        self.hasDefault = hasDefault
        self.isOnlyInSections = isOnlyInSections
    }

    /// Joins what several occurrences say; each name appears once, at the place of its first occurrence.
    static func union(_ variables: some Sequence<TemplateVariable>) -> [TemplateVariable] {
        var union: [TemplateVariable] = []
        var positions: [String: Int] = [:]
        for variable in variables {
            if let position = positions[variable.name] {
                union[position].hasDefault = union[position].hasDefault && variable.hasDefault
                union[position].isOnlyInSections = union[position].isOnlyInSections && variable.isOnlyInSections
            } else {
                positions[variable.name] = union.count
                union.append(variable)
            }
        }
        return union
    }
}

/// Names in order of their first insertion, each once.
struct TemplateNameList {
    private(set) var names: [String] = []
    private var known: Set<String> = []

    mutating func insert(_ name: String) {
        if known.insert(name).inserted { names.append(name) }
    }
}
