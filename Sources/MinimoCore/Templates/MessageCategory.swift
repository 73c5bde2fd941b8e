/// What a message is for: it decides lane, consent rules and what happens to an unconfirmed hand-off.
package enum MessageCategory: String, Sendable, Hashable, CaseIterable {
    case transactional, marketing, automated
}
