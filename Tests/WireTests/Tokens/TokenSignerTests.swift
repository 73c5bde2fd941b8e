import Testing
import Wire

struct TokenSignerTests {
    private let signer = TokenSigner(key: Array(repeating: 7, count: 32))

    /// Computed by Python's `hmac`; tokens live in sent mails, so they must stay valid.
    @Test(arguments: [("hello", "AWhlbGxvJbh9LayrdnJGXPTA3uJEJQ"), ("", "AY8mk78DK-91WlJ-56ZCWOA")])
    func signsAsEver(_ payload: String, _ token: String) {
        #expect(signer.sign(purpose: "click", payload: Array(payload.utf8)) == token)
        #expect(signer.verify(token, purpose: "click") == Array(payload.utf8))
    }

    @Test func refusesEverythingElse() {
        let token = signer.sign(purpose: "click", payload: [1, 2, 3])
        #expect(signer.verify(token, purpose: "open") == nil)
        #expect(signer.verify(token, purpose: "clic") == nil)
        #expect(TokenSigner(key: Array(repeating: 8, count: 32)).verify(token, purpose: "click") == nil)
        for other in ["", "A", "AQ", "é", token + "=", token + "A", " " + token, String(token.dropLast())] {
            #expect(signer.verify(other, purpose: "click") == nil)
        }
    }

    /// No single changed character is accepted, the version and the last one included.
    @Test func refusesEveryChangedCharacter() {
        let token = Array(signer.sign(purpose: "click", payload: Array("payload".utf8)).utf8)
        for position in token.indices {
            for replacement in "AZaz09-_".utf8 where replacement != token[position] {
                var changed = token
                changed[position] = replacement
                #expect(signer.verify(String(decoding: changed, as: UTF8.self), purpose: "click") == nil)
            }
        }
    }

    /// Purpose and payload cannot be shifted into one another.
    @Test func separatesPurposeAndPayload() {
        let token = signer.sign(purpose: "a", payload: Array("bc".utf8))
        #expect(signer.verify(token, purpose: "ab") == nil)
        #expect(token != signer.sign(purpose: "ab", payload: Array("c".utf8)))
    }
}
