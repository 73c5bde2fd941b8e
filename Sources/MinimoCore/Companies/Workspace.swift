/// One of a company's two separate sets of data (contract 5.4). Every row of customer data belongs to exactly one.
package struct Workspace: Sendable, Hashable {
    /// Which of the two it is.
    package enum Mode: String, Sendable, Hashable, CaseIterable {
        /// Real contacts, real deliveries.
        case live
        /// Test data; everything sent ends in the sandbox.
        case test
    }

    package let id: Int64
    package let companyID: Int64
    package let mode: Mode

    package init(id: Int64, companyID: Int64, mode: Mode) {
        self.id = id
        self.companyID = companyID
        self.mode = mode
    }
}
