import Testing

@testable import Wire

struct PublicIDCodecTests {
    private let codec = PublicIDCodec(key: Array(0..<16))

    /// The test vector of the SipHash paper's reference code for the message 00…07 under the key 00…0F.
    @Test func sipHashFollowsItsReference() {
        let hash = SipHash(key0: 0x0706_0504_0302_0100, key1: 0x0F0E_0D0C_0B0A_0908)
        #expect(hash.hash(0x0706_0504_0302_0100) == 0x93F5_F579_9A93_2462)
    }

    /// Computed by an independent implementation. They must never change: clients keep ids.
    @Test(
        arguments: [
            (1, PublicIDKind.contact, "cnt_5cshd2pz5n7a9"), (2, .contact, "cnt_8gvxse40v700t"),
            (1, .message, "msg_2h464edmexnee"), (1, .emailTemplate, "tmpl_bfe5kafgyxfx0"),
            (.max, .whatsAppTemplate, "wtpl_23d001kp7t9ts"), (0, .event, "evt_17ac1qfcsmmfe"),
            (-1, .suppression, "sup_aq7zk7jyrvr1f"),
        ] as [(Int64, PublicIDKind, String)])
    func encodesAsEver(_ id: Int64, _ kind: PublicIDKind, _ text: String) {
        #expect(codec.encode(id, kind) == text)
        #expect(codec.decode(text, kind) == id)
    }

    @Test func everyKindRoundTrips() {
        var random = SeededGenerator(seed: 3)
        var seen: Set<String> = []
        for kind in PublicIDKind.allCases {
            for _ in 0..<200 {
                let id = Int64(bitPattern: random.next())
                let text = codec.encode(id, kind)
                #expect(codec.decode(text, kind) == id)
                #expect(text.utf8.count == kind.prefix.utf8.count + 14)
                seen.insert(String(text.drop { $0 != "_" }))
            }
            #expect(codec.decode(codec.encode(9, kind), kind == .contact ? .message : .contact) == nil)
        }
        #expect(seen.count == PublicIDKind.allCases.count * 200)
        // The digits depend on the kind, so a changed prefix names nothing real.
        let digits = PublicIDKind.allCases.map { codec.encode(1, $0).drop { $0 != "_" } }
        #expect(Set(digits).count == digits.count)
    }

    @Test(arguments: [
        "", "cnt_", "cnt", "5cshd2pz5n7a9", "cnt_5cshd2pz5n7a", "cnt_5cshd2pz5n7a99", "msg_5cshd2pz5n7a9",
        "CNT_5cshd2pz5n7a9",
        "cnt_5CSHD2PZ5N7A9", "cnt-5cshd2pz5n7a9", "cnt_5cshd2pz5n7ai", "cnt_5cshd2pz5n7al", "cnt_5cshd2pz5n7ao",
        "cnt_5cshd2pz5n7au", "cnt_gcshd2pz5n7a9", "cnt_zzzzzzzzzzzzz", "cnt_5cshd2pz5n7a\u{0}", " cnt_5cshd2pz5n7a9",
        "cnt_5cshd2pz5n7é",
        "cnt__cshd2pz5n7a9", "1",
    ])
    func refusesMalformedText(_ text: String) {
        #expect(codec.decode(text, .contact) == nil)
    }

    @Test func acceptsTheWholeRange() {
        // 13 characters hold 65 bits; the first may be f at most.
        #expect(codec.decode("cnt_fzzzzzzzzzzzz", .contact) != nil)
        #expect(codec.decode("cnt_0000000000000", .contact) != nil)
    }

    @Test func otherKeysGiveOtherIDs() {
        #expect(PublicIDCodec(key: Array(1..<17)).encode(1, .contact) != codec.encode(1, .contact))
    }

    /// Flipping one bit of the id changes about half of the bits of the public id.
    @Test func diffuses() {
        var total = 0
        for bit in 0..<64 {
            let plain = Base32.decode("0" + codec.encode(1234, .contact).dropFirst(4) + "00")
            let flipped = Base32.decode("0" + codec.encode(1234 ^ (1 << bit), .contact).dropFirst(4) + "00")
            total += zip(plain ?? [], flipped ?? []).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        }
        #expect((64 * 26...64 * 38).contains(total))
    }

    @Test func prefixesAreTheContracts() {
        let prefixes = PublicIDKind.allCases.map(\.prefix)
        #expect(
            prefixes == [
                "cnt", "cfd", "seg", "tmpl", "wtpl", "msg", "cmp", "whk", "evt", "imp", "exp", "key", "snd", "sbx",
                "rly",
                "att", "sup",
            ])
    }
}
