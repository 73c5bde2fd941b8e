package import MinimoCore

/// What happens to a message whose hand-off has no known outcome, by its category (contract 10.6).
package struct UnconfirmedPolicy: Sendable, Hashable {
    package var transactional: UnconfirmedAction
    package var marketing: UnconfirmedAction
    package var automated: UnconfirmedAction

    /// By default transactional messages are sent once more and all others wait for a person.
    package init(
        transactional: UnconfirmedAction = .sendOnceMore, marketing: UnconfirmedAction = .hold,
        automated: UnconfirmedAction = .hold
    ) {
        self.transactional = transactional
        self.marketing = marketing
        self.automated = automated
    }

    /// The action for a category.
    package func action(for category: MessageCategory) -> UnconfirmedAction {
        switch category {
        case .transactional: transactional
        case .marketing: marketing
        case .automated: automated
        }
    }
}
