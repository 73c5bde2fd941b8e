import Testing

@testable import Mail

@Suite struct SMTPClassificationTests {
    @Test(
        arguments: [
            // 4yz
            ("421 4.3.2 Shutting down", .recipient, .throttled),
            ("421 busy", .content, .throttled),
            ("450 4.7.0 Rate limit", .recipient, .throttled),
            ("450 4.2.0 Greylisted", .recipient, .throttled),
            ("450 4.2.1 receiving mail too quickly", .recipient, .throttled),
            ("451 greylisted, try again", .recipient, .throttled),
            ("454 slow down", .mailFrom, .throttled),
            ("452 4.2.2 Over quota", .recipient, .temporary),
            ("452 4.5.3 Too many recipients", .recipient, .temporary),
            ("452 Insufficient storage", .mailFrom, .temporary),
            ("451 4.3.0 Local error", .content, .temporary),
            ("451 4.4.1 No answer from host", .content, .temporary),
            ("450 5.1.1 Confused", .recipient, .temporary),
            // 5yz with enhanced code
            ("550 5.1.1 User unknown", .recipient, .permanentRecipient),
            ("550 5.1.1 User unknown", .content, .permanentRecipient),
            ("550 5.1.2 Bad destination system", .recipient, .permanentRecipient),
            ("553 5.1.3 Bad syntax", .recipient, .permanentRecipient),
            ("551 5.1.6 Moved", .recipient, .permanentRecipient),
            ("556 5.1.10 Null MX", .recipient, .permanentRecipient),
            ("550 5.2.1 Disabled", .recipient, .permanentRecipient),
            ("552 5.2.2 Mailbox full", .recipient, .temporary),
            ("552 5.2.3 Too large", .content, .permanentMessage),
            ("552 5.3.4 Too large", .mailFrom, .permanentMessage),
            ("550 5.4.1 No answer", .recipient, .temporary),
            ("554 5.4.6 Loop", .content, .temporary),
            ("503 5.5.1 Sequence", .data, .senderProblem),
            ("554 5.6.0 Bad content", .content, .permanentMessage),
            ("553 5.6.7 Not ASCII", .mailFrom, .permanentMessage),
            ("550 5.7.1 Policy", .content, .senderProblem),
            ("550 5.7.26 Unauthenticated", .content, .senderProblem),
            ("550 5.7.515 Access denied", .content, .senderProblem),
            ("553 5.1.8 Bad sender", .recipient, .senderProblem),
            ("550 5.1.1 Sender unknown", .mailFrom, .senderProblem),
            ("550 5.0.0 User unknown", .recipient, .permanentRecipient),
            // 5yz without
            ("550 No such user here", .recipient, .permanentRecipient),
            ("550 Requested action not taken: mailbox unavailable", .recipient, .permanentRecipient),
            ("551 user not local; does not exist", .recipient, .permanentRecipient),
            ("550 Blocked by policy: no such user", .recipient, .senderProblem),
            ("550 Your address is listed at example", .mailFrom, .senderProblem),
            ("550 Something else", .recipient, .permanentMessage),
            ("552 Mailbox full", .content, .temporary),
            ("552 Message too big", .content, .permanentMessage),
            ("554 Transaction failed", .content, .senderProblem),
            ("521 Host takes no mail", .recipient, .permanentRecipient),
            ("530 Authentication required", .mailFrom, .senderProblem),
            ("500 What?", .mailFrom, .senderProblem),
        ] as [(String, SMTPStage, BounceClass)])
    func table(_ line: String, _ stage: SMTPStage, _ expected: BounceClass) throws {
        let code = try #require(Int(line.prefix(3)))
        let reply = SMTPReply(SMTPServerReply(code: code, lines: [String(line.dropFirst(4))]))
        #expect(reply.classification(stage: stage) == expected)
    }
}
