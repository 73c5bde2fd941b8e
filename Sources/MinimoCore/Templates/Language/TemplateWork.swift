/// Counts what one rendering does, so that it ends within a bounded time whatever the template and the values are.
///
/// A step is the execution of a node or the visit of an element. Work whose amount depends on the values counts in units,
/// of which `unitsPerStep` are worth a step: looking a name up without regard to case walks over all members, and a filter
/// reads a text of which little or nothing may reach the output.
struct TemplateWork {
    /// The most steps of one rendering. Nested sections over arrays multiply, even when they write nothing.
    static let maximumSteps = 200_000
    /// A unit is about as much work as comparing two short names.
    static let unitsPerStep = 16

    private var remainingUnits = maximumSteps * unitsPerStep

    @inline(__always)
    mutating func countStep() throws(TemplateRenderError) {
        try count(units: Self.unitsPerStep)
    }

    /// Counts work that reads each of that many bytes.
    @inline(__always)
    mutating func count(bytes: Int) throws(TemplateRenderError) {
        try count(units: 1 + bytes / 16)
    }

    @inline(__always)
    mutating func count(units: Int) throws(TemplateRenderError) {
        guard units <= remainingUnits else { throw TemplateRenderError(.tooManySteps) }
        remainingUnits -= units
    }
}
