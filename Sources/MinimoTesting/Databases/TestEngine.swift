/// The engines that every test of a store runs on.
package enum TestEngine: String, CaseIterable, Sendable {
    case sqlite
    case postgres
}
