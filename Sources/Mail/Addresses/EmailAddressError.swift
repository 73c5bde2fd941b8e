/// Why a text is not an email address that we can send to. Never holds the text itself.
package struct EmailAddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The closed list of reasons.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case empty
        case controlCharacter
        case missingAtSign
        case quotedLocalPart
        case invalidLocalPart
        case localPartTooLong
        case invalidDomain
        case domainWithoutDot
        case addressTooLong
        case invalidDisplayName
    }

    /// The reason.
    package let code: Code

    /// Makes an error with its reason.
    package init(_ code: Code) {
        self.code = code
    }

    /// A sentence that can be shown to the caller: it names the rule that was broken and repeats nothing of the input.
    package var description: String {
        switch code {
        case .empty: "The address is empty."
        case .controlCharacter: "The address has a line break or another control character."
        case .missingAtSign: "The address needs exactly one @ with something on both sides."
        case .quotedLocalPart: "Quoted local parts are not supported."
        case .invalidLocalPart: "The part before the @ has a character or a dot that is not allowed there."
        case .localPartTooLong: "The part before the @ is longer than 64 octets."
        case .invalidDomain: "The part after the @ is not a valid domain name."
        case .domainWithoutDot: "The domain needs at least one dot."
        case .addressTooLong: "The address is longer than 254 octets."
        case .invalidDisplayName: "The display name is malformed: quote it, or leave out < > \" , ; @."
        }
    }
}
