"""The relay that the other tests judge by is judged here, by Python's own SMTP client and by hand-written bytes."""

import smtplib
import socket
import ssl
import threading
import time

import pytest

from minimo import certificates
from minimo.relay import Drop, Features, Relay, Reply, Stage, Stall, Wait

FROM, TO = "hello@acme.example", "jane@example.org"
MESSAGE = b"From: hello@acme.example\r\nTo: jane@example.org\r\nSubject: x\r\n\r\n.\r\n..\r\n.dot\r\nend\r\n"


def client(relay: Relay) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", relay.port, timeout=10)


class Talk:
    """A connection on which bytes are sent as they are."""

    def __init__(self, relay: Relay):
        self.socket = socket.create_connection(("127.0.0.1", relay.port), timeout=10)
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> "Talk":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def codes(self, count: int) -> list[int]:
        found = []
        while len(found) < count:
            line = self.file.readline()
            if not line:
                raise ConnectionError("the relay closed the connection")
            if line[3:4] == b" ":
                found.append(int(line[:3]))
        return found


def test_a_message_is_kept_as_it_was_sent() -> None:
    with Relay() as relay:
        with client(relay) as smtp:
            smtp.sendmail(FROM, [TO, "joe@example.org"], MESSAGE)
            smtp.sendmail(FROM, [TO], b"second\r\n")
        first, second = relay.deliveries
        assert first.content == MESSAGE
        assert (first.sender, first.recipients) == (FROM, (TO, "joe@example.org"))
        assert first.session == second.session == 1
        assert not first.encrypted and first.user is None
        assert relay.copies() == {TO: 2, "joe@example.org": 1}
        assert relay.offences == []


def test_an_empty_message_and_one_in_many_pieces() -> None:
    with Relay() as relay, Talk(relay) as talk:
        talk.send(b"EHLO me\r\n")
        assert talk.codes(2) == [220, 250]
        for content in (b"", b"one\r\n", b"\r\n"):
            talk.send(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
            assert talk.codes(3) == [250, 250, 354]
            for byte in content + b".\r\n":
                talk.send(bytes([byte]))
            assert talk.codes(1) == [250]
        assert [delivery.content for delivery in relay.deliveries] == [b"", b"one\r\n", b"\r\n"]
        assert relay.offences == []


@pytest.mark.parametrize(
    ("what", "sent", "offence"),
    [
        ("bare LF", b"a\nb\r\n", "bare CR or LF"),
        ("bare CR", b"a\rb\r\n", "bare CR or LF"),
        ("long line", b"x" * 999 + b"\r\n", "a line of 999 octets"),
        ("8 bits", b"Subject: x\r\n\r\n\xc3\xa9\r\n", "8-bit content"),
        ("8 bits in the header", b"Subject: \xc3\xa9\r\n\r\n", "8-bit header"),
        ("unstuffed dot", b".x\r\n", "not stuffed"),
        ("NUL", b"\0\r\n", "NUL"),
    ],
)
def test_offences_in_the_content_are_noted(what: str, sent: bytes, offence: str) -> None:
    with Relay() as relay, Talk(relay) as talk:
        talk.send(b"EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        assert talk.codes(5) == [220, 250, 250, 250, 354]
        talk.send(sent + b".\r\n")
        assert talk.codes(1) == [250]
        assert any(offence in noted for noted in relay.offences), relay.offences


def test_offences_in_commands_are_noted() -> None:
    with Relay(Features(pipelining=False, smtputf8=False, eight_bit_mime=False, size=None)) as relay:
        with Talk(relay) as talk:
            talk.send(b"EHLO me\r\n")
            assert talk.codes(2) == [220, 250]
            talk.send("MAIL FROM:<é@b.example> SIZE=3 BODY=8BITMIME\r\nRCPT TO:<c@d.example>\nHM\r\n".encode())
            assert talk.codes(3) == [250, 250, 500]
        text = "\n".join(relay.offences)
        for part in ("PIPELINING is not offered", "without SMTPUTF8", "SIZE=3", "BODY=8BITMIME", "without CRLF", "HM"):
            assert part in text


def test_a_group_ends_with_data() -> None:
    with Relay() as relay, Talk(relay) as talk:
        talk.send(b"EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\n")
        assert talk.codes(6) == [220, 250, 250, 250, 354, 250]
        assert any("DATA is not the last" in offence for offence in relay.offences), relay.offences


def test_refusals_by_recipient_count_for_each() -> None:
    with Relay() as relay:
        relay.on(Stage.RECIPIENT, Reply(451, "4.3.0 later"), lambda a: a.startswith("later"), times=1)
        relay.on(Stage.DOT, Reply(554, "5.7.1 policy"), lambda a: a.startswith("never"))
        with client(relay) as smtp:
            for recipient in ("later1@example.org", "later2@example.org"):
                with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                    smtp.sendmail(FROM, [recipient], MESSAGE)
                assert refused.value.recipients == {recipient: (451, b"4.3.0 later")}
                smtp.sendmail(FROM, [recipient], MESSAGE)
            for _ in range(2):
                with pytest.raises(smtplib.SMTPDataError):
                    smtp.sendmail(FROM, ["never@example.org"], MESSAGE)
        assert relay.copies() == {"later1@example.org": 1, "later2@example.org": 1}
        assert [a.code for a in relay.attempts_by_recipient()["later1@example.org"]] == [451, 250]
        assert relay.offences == []


def test_drops_at_each_moment() -> None:
    with Relay() as relay:
        relay.on(Stage.CONTENT, Drop(), lambda a: a == "mid@example.org", times=1, after_bytes=10)
        relay.on(Stage.DOT, Drop(), lambda a: a == "dot@example.org", times=1)
        relay.on(Stage.ANSWER, Drop(), lambda a: a == "answer@example.org", times=1)
        for name, copies in (("mid", 0), ("dot", 0), ("answer", 1)):
            recipient = f"{name}@example.org"
            with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
                client(relay).sendmail(FROM, [recipient], MESSAGE)
            assert relay.copies()[recipient] == copies
            with client(relay) as smtp:
                smtp.sendmail(FROM, [recipient], MESSAGE)
            assert relay.copies()[recipient] == copies + 1


def test_a_stalled_recipient_does_not_hold_others() -> None:
    with Relay() as relay:
        relay.on(Stage.ANSWER, Stall(), lambda a: a == TO)
        relay.on(Stage.ANSWER, Wait(lambda: 0.01), lambda a: a != TO)
        done = threading.Event()

        def send() -> None:
            with client(relay) as smtp:
                smtp.sendmail(FROM, [TO], MESSAGE)
            done.set()

        thread = threading.Thread(target=send)
        thread.start()
        relay.wait_for(lambda r: r.unanswered == 1, 5, "the message is in the balance")
        with client(relay) as smtp:
            smtp.sendmail(FROM, ["other@example.org"], MESSAGE)
        assert not done.is_set() and relay.most_open_sessions == 2
        relay.release()
        thread.join(5)
        assert done.is_set() and relay.unanswered == 0


def test_down_refuses_connections_and_up_accepts_them_on_the_same_port() -> None:
    with Relay(up=False) as relay:
        with pytest.raises(ConnectionRefusedError):
            client(relay)
        relay.up()
        smtp = client(relay)
        smtp.sendmail(FROM, [TO], MESSAGE)
        relay.down()
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            smtp.sendmail(FROM, [TO], MESSAGE)
        with pytest.raises(ConnectionRefusedError):
            client(relay)
        relay.up()
        with client(relay) as smtp:
            smtp.sendmail(FROM, [TO], MESSAGE)
        assert len(relay.deliveries) == 2


def test_tls_and_authentication(tmp_path) -> None:
    context = certificates.server_context(tmp_path)
    trust = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
    users = {"acme": "secret"}
    with Relay(Features(tls=context, mechanisms=("PLAIN", "LOGIN"), users=users)) as relay:
        for mechanism in ("PLAIN", "LOGIN"):
            with smtplib.SMTP("localhost", relay.port, timeout=10) as smtp:
                smtp.ehlo()
                assert not smtp.has_extn("AUTH")
                with pytest.raises(smtplib.SMTPSenderRefused):
                    smtp.sendmail(FROM, [TO], MESSAGE)
                smtp.starttls(context=trust)
                smtp.ehlo()
                assert not smtp.has_extn("STARTTLS")
                smtp.user, smtp.password = "acme", "wrong"
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    smtp.auth(mechanism, getattr(smtp, f"auth_{mechanism.lower()}"))
                smtp.password = "secret"
                smtp.auth(mechanism, getattr(smtp, f"auth_{mechanism.lower()}"))
                smtp.sendmail(FROM, [TO], MESSAGE)
        assert [(d.encrypted, d.user) for d in relay.deliveries] == [(True, "acme")] * 2
        assert relay.offences == []
    with Relay(Features(tls=context, implicit_tls=True)) as relay:
        with smtplib.SMTP_SSL("localhost", relay.port, timeout=10, context=trust) as smtp:
            smtp.sendmail(FROM, [TO], MESSAGE)
        assert relay.deliveries[0].encrypted


def test_enough_for_one_connection() -> None:
    with Relay(Features(messages_per_connection=1)) as relay:
        smtp = client(relay)
        smtp.sendmail(FROM, [TO], MESSAGE)
        with pytest.raises(smtplib.SMTPException) as refused:
            smtp.sendmail(FROM, [TO], MESSAGE)
        assert "421" in str(refused.value)


def test_it_is_fast_enough_to_judge_a_thousand_messages() -> None:
    with Relay() as relay, client(relay) as smtp:
        begin = time.monotonic()
        for _ in range(300):
            smtp.sendmail(FROM, [TO], MESSAGE)
        assert len(relay.deliveries) == 300
        assert time.monotonic() - begin < 6
