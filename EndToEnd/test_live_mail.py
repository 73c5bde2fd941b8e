"""Live mail: what the API accepts arrives once at a relay, whatever the relay does, and the ledger says so."""

import itertools
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from minimo import certificates, mail
from minimo.client import ApiClient
from minimo.company import Company, template
from minimo.ledger import Ledger, statuses
from minimo.load import send, send_all
from minimo.relay import Delivery, Drop, Features, Relay, Reply, Stage, Stall
from minimo.server import Server, accepts, free_port
from minimo.shapes import assert_timestamp
from minimo.waiting import wait_until

FIRST_RETRY = (5, 30)  # seconds, contract A 10.9
PARAGRAPH = "<p>It is a long established fact that a reader will be distracted by the readable content of a page.</p>\n"


@contextmanager
def live(server: Server, *relays: str, connections: int = 10) -> Iterator[ApiClient]:
    """A client of a new company that sends through these relays."""
    company = Company.create(server)
    company.send_by(*relays, connections=connections)
    with company.client() as client:
        yield client


def letter(client: ApiClient) -> str:
    return template(
        client, subject="Order {{number}}", html=PARAGRAPH * 20 + "<p>{{number}}</p>", text="Order {{number}}\n"
    )


def recipients(count: int, name: str = "r") -> list[str]:
    return [f"{name}{index}@example.org" for index in range(count)]


def check(delivery: Delivery, recipient: str, number: str) -> str:
    """Everything that a message of `letter` must be; returns its Message-ID."""
    message = mail.parse(delivery.content)
    assert mail.addresses(message, "From") == [("Acme", "hello@acme.example")]
    assert mail.addresses(message, "To") == [("", recipient)]
    assert message["Subject"] == f"Order {number}"
    assert message["Message-ID"].endswith("@acme.example>"), message["Message-ID"]
    assert message.get_content_type() == "multipart/alternative"
    assert mail.body(message, "plain").strip() == f"Order {number}"
    assert mail.body(message, "html").strip() == (PARAGRAPH * 20 + f"<p>{number}</p>").strip()
    assert delivery.recipients == (recipient,)
    assert delivery.sender.endswith("@acme.example"), delivery.sender
    return message["Message-ID"]


def check_all(relay: Relay, expected: list[str], number: str = "42", copies: int = 1) -> None:
    """Each of these got its copies, all alike, and nobody else got anything; the protocol was kept."""
    by_recipient = relay.deliveries_by_recipient()
    assert set(by_recipient) == set(expected)
    assert {recipient: len(got) for recipient, got in by_recipient.items() if len(got) != copies} == {}
    ids = {recipient: {check(delivery, recipient, number) for delivery in got} for recipient, got in by_recipient.items()}
    assert all(len(same) == 1 for same in ids.values()), "copies of one message have one Message-ID"
    assert len(set().union(*ids.values())) == len(expected), "each message has its own Message-ID"
    assert relay.offences == []


def check_sent(message: dict[str, Any]) -> None:
    assert message["status"] == "sent" and message["failure"] is None, message
    assert assert_timestamp(message["createdAt"]) <= assert_timestamp(message["sentAt"])
    assert message["deliveredAt"] is None, "SMTP alone never says delivered"


def test_a_thousand_sends_from_twenty_clients_arrive_once(server: Server) -> None:
    with Relay() as relay, live(server, relay.url()) as client:
        expected = recipients(1000)
        accepted = send_all(client, letter(client), expected, clients=20, customFields={"number": "42"})
        relay.wait_for_recipients(set(expected), 90)
        ledger = Ledger(client).wait_for_rest(60)
        assert set(ledger) == set(accepted.values()) and statuses(ledger.values()) == {"sent": 1000}
        for message in ledger.values():
            check_sent(message)
            assert message["attempts"] == 1 and accepted[message["to"]] == message["id"]
            assert message["providerMessageId"], message
        check_all(relay, expected)
        assert relay.most_open_sessions <= 10
        assert relay.sessions <= 100, "connections are used again"


def test_a_relay_that_does_everything_wrong(server: Server) -> None:
    """Refusals for now and for good, lost connections, and a relay that is down at first, in one run."""
    kinds = itertools.cycle(
        ["fine"] * 14 + ["busy", "full", "unknown", "policy", "middle", "dot"]
    )
    expected = {f"{kind}{index}@example.org": kind for index, kind in zip(range(1000), kinds)}

    def are(*names: str) -> Callable[[str], bool]:
        return lambda address: expected.get(address) in names

    with Relay(up=False) as relay:
        relay.on(Stage.RECIPIENT, Reply(451, "4.3.0 try again later"), are("busy"), times=1)
        relay.on(Stage.DOT, Reply(452, "4.2.2 mailbox full"), are("full"), times=1)
        relay.on(Stage.RECIPIENT, Reply(550, "5.1.1 no such user here"), are("unknown"))
        relay.on(Stage.DOT, Reply(554, "5.7.1 we do not want this"), are("policy"))
        relay.on(Stage.CONTENT, Drop(), are("middle"), times=1, after_bytes=500)
        relay.on(Stage.DOT, Drop(), are("dot"), times=1)
        with live(server, relay.url()) as client:
            accepted = send_all(client, letter(client), expected, clients=20, customFields={"number": "42"})
            ledger = Ledger(client)
            # Refused connections are no failure of any message.
            wait_until(
                lambda: all(message["status"] == "queued" for message in ledger.all().values()), 10, "all wait", every=0.5
            )
            relay.up()
            final = ledger.wait_for_rest(200)
            assert set(final) == set(accepted.values())
            arriving = [recipient for recipient, kind in expected.items() if kind not in {"unknown", "policy"}]
            check_all(relay, arriving)
            for message in final.values():
                kind = expected[message["to"]]
                if kind in {"unknown", "policy"}:
                    assert message["status"] == "failed", message
                    failure = message["failure"]
                    assert set(failure) == {"code", "message", "permanent"} and failure["permanent"] is True
                    code, words = ("5.1.1", "no such user here") if kind == "unknown" else ("5.7.1", "we do not want this")
                    assert code in str(failure) and words in failure["message"], failure
                else:
                    check_sent(message)
            attempts = relay.attempts_by_recipient()
            for recipient, kind in expected.items():
                moments = [attempt.at for attempt in attempts[recipient]]
                assert len(moments) == (1 if kind in {"fine", "unknown", "policy"} else 2), (recipient, moments)
                if kind in {"busy", "full"}:
                    waited = moments[1] - moments[0]
                    # Some slack after it: other retries may be due at the same moment.
                    assert FIRST_RETRY[0] - 0.2 <= waited <= FIRST_RETRY[1] + 5, (recipient, waited)


def test_a_reply_lost_after_the_dot_is_named_and_repeated_once(server: Server) -> None:
    with Relay() as relay:
        relay.on(Stage.ANSWER, Drop(), lambda address: address.startswith("lost"), times=1)
        with live(server, relay.url()) as client:
            lost, fine = recipients(5, "lost"), recipients(35, "fine")
            accepted = send_all(client, letter(client), lost + fine, clients=5, customFields={"number": "42"})
            ledger = Ledger(client)
            final = ledger.wait_for_rest(120)
            assert statuses(final.values()) == {"sent": 40}
            copies = relay.copies()
            assert {copies[address] for address in lost} == {2} and {copies[address] for address in fine} == {1}
            for recipient in lost:
                assert ledger.events(accepted[recipient]).count("message.unconfirmed") == 1
                first, second = relay.deliveries_by_recipient()[recipient]
                assert check(first, recipient, "42") == check(second, recipient, "42")
            for recipient in fine:
                assert "message.unconfirmed" not in ledger.events(accepted[recipient])
            assert relay.offences == []


def test_marketing_mail_whose_reply_is_lost_is_held(server: Server) -> None:
    with Relay() as relay:
        relay.on(Stage.ANSWER, Drop(), lambda address: address == "fan@example.org")
        with live(server, relay.url()) as client:
            client.post("/v1/contacts", {"email": "fan@example.org", "marketingConsent": {"email": True}}).expect(201)
            made = template(client, category="marketing", subject="x", html="x", text="x")
            identifier = send(client, made, "fan@example.org").expect(200)["id"]
            ledger = Ledger(client)
            ledger.wait_for_status(identifier, "unconfirmed")
            # Others go through meanwhile, so it is not merely late.
            other = letter(client)
            send_all(client, other, recipients(20), clients=2, customFields={"number": "42"})
            relay.wait_for_recipients(set(recipients(20)), 60)
            assert ledger.one(identifier)["status"] == "unconfirmed"
            assert relay.copies()["fan@example.org"] == 1


def test_one_stalled_connection_holds_nobody_else(server: Server) -> None:
    with Relay() as relay:
        relay.on(Stage.ANSWER, Stall(), lambda address: address.startswith("slow"), times=1)
        with live(server, relay.url(), connections=4) as client:
            made = letter(client)
            slow = send(client, made, "slow@example.org", customFields={"number": "42"}).expect(200)["id"]
            relay.wait_for(lambda r: r.unanswered == 1, 30, "the slow message is in the balance")
            others = recipients(200)
            send_all(client, made, others, clients=5, customFields={"number": "42"})
            relay.wait_for_recipients(set(others), 60)
            ledger = Ledger(client)
            assert ledger.one(slow)["status"] in {"queued", "sending"}
            relay.release()
            check_sent(ledger.wait_for_status(slow, "sent"))
            check_all(relay, [*others, "slow@example.org"])


@pytest.mark.parametrize(
    "features",
    [
        Features(pipelining=False),
        Features(pipelining=False, eight_bit_mime=False, smtputf8=False, size=None, enhanced_status_codes=False),
        Features(messages_per_connection=3),
    ],
    ids=["no pipelining", "no extensions", "three messages per connection"],
)
def test_simple_relays(server: Server, features: Features) -> None:
    with Relay(features) as relay, live(server, relay.url(), connections=3) as client:
        expected = recipients(30)
        send_all(client, letter(client), expected, clients=5, customFields={"number": "42"})
        relay.wait_for_recipients(set(expected), 60)
        assert statuses(Ledger(client).wait_for_rest(60).values()) == {"sent": 30}
        check_all(relay, expected)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_authentication_on_the_loopback(server: Server, mechanism: str) -> None:
    features = Features(
        mechanisms=(mechanism,), mechanisms_without_tls=True, users={"ac me": "p@ss:wörd"}
    )
    with Relay(features) as relay, live(server, relay.url(user="ac%20me:p%40ss%3Aw%C3%B6rd")) as client:
        send_all(client, letter(client), recipients(5), clients=1, customFields={"number": "42"})
        relay.wait_for_recipients(set(recipients(5)), 30)
        assert {delivery.user for delivery in relay.deliveries} == {"ac me"}
        check_all(relay, recipients(5))
    assert "p@ss" not in server.log and "p%40ss" not in server.log


def test_wrong_credentials_fail_no_message(server: Server) -> None:
    features = Features(mechanisms=("PLAIN",), mechanisms_without_tls=True, users={"acme": "right"})
    with Relay(features) as relay, live(server, relay.url(user="acme:wrong")) as client:
        identifier = send(client, letter(client), "r0@example.org", customFields={"number": "42"}).expect(200)["id"]
        relay.wait_for(lambda r: any("AUTH" in command for _, command in r.commands), 30, "authentication was tried")
        ledger = Ledger(client)
        wait_until(lambda: ledger.one(identifier)["status"] == "queued", 5, "the message waits")
        # An account error is the account's, and is not tried again and again.
        assert sum("AUTH" in command for _, command in relay.commands) <= 10
        failure = ledger.one(identifier)["failure"]
        assert relay.deliveries == [] and (failure is None or failure["permanent"] is False), failure


def test_a_relay_that_cannot_prove_itself_gets_nothing(server: Server, folder: Path) -> None:
    context = certificates.server_context(folder)
    features = Features(tls=context, mechanisms=("PLAIN",), users={"acme": "secret"})
    with Relay(features) as relay, live(server, relay.url(tls="starttls", user="acme:secret")) as client:
        identifier = send(client, letter(client), "r0@example.org", customFields={"number": "42"}).expect(200)["id"]
        relay.wait_for(lambda r: any(command == "STARTTLS" for _, command in r.commands), 30, "TLS is begun")
        verbs = {command.split()[0] for _, command in relay.commands}
        assert verbs <= {"EHLO", "STARTTLS", "QUIT"}, verbs
        assert relay.deliveries == []
        assert Ledger(client).one(identifier)["status"] == "queued"


def test_a_relay_without_the_tls_that_is_asked_for_gets_nothing(server: Server) -> None:
    with Relay() as relay, live(server, relay.url(tls="starttls")) as client:
        identifier = send(client, letter(client), "r0@example.org", customFields={"number": "42"}).expect(200)["id"]
        relay.wait_for(lambda r: any(command.startswith("EHLO") for _, command in r.commands), 30, "EHLO")
        # What it sends by another company's relay afterwards shows that time has passed.
        with Relay() as other, live(server, other.url()) as second:
            send_all(second, letter(second), recipients(5), clients=1, customFields={"number": "42"})
            other.wait_for_recipients(set(recipients(5)), 30)
        assert {command.split()[0] for _, command in relay.commands} <= {"EHLO", "QUIT"}
        assert Ledger(client).one(identifier)["status"] == "queued"


def test_a_change_of_the_relay_takes_effect(server: Server) -> None:
    with Relay(up=False) as dead, Relay() as alive:
        company = Company.create(server)
        company.send_by(dead.url())
        with company.client() as client:
            made = letter(client)
            first = send(client, made, "first@example.org", customFields={"number": "42"}).expect(200)["id"]
            company.send_by(alive.url())
            Ledger(client).wait_for_status(first, "sent", 60)
            send(client, made, "second@example.org", customFields={"number": "42"}).expect(200)
            alive.wait_for_recipients({"first@example.org", "second@example.org"}, 30)


def test_the_second_relay_takes_over(server: Server) -> None:
    with Relay(up=False) as first, Relay() as second, live(server, first.url(), second.url()) as client:
        expected = recipients(50)
        send_all(client, letter(client), expected, clients=5, customFields={"number": "42"})
        second.wait_for_recipients(set(expected), 60)
        assert statuses(Ledger(client).wait_for_rest(30).values()) == {"sent": 50}
        check_all(second, expected)


# Servers that are not ours


class Mailbox:
    """Keeps what aiosmtpd receives."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], bytes]] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        self.got.append((list(envelope.rcpt_tos), envelope.original_content))
        return "250 2.0.0 ok"


def test_aiosmtpd(server: Server) -> None:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    controller.start()
    try:
        with live(server, f"smtp://127.0.0.1:{controller.port}?tls=none") as client:
            expected = recipients(100)
            send_all(client, letter(client), expected, clients=10, customFields={"number": "42"})
            assert statuses(Ledger(client).wait_for_rest(60).values()) == {"sent": 100}
    finally:
        controller.stop()
    assert sorted(itertools.chain(*(to for to, _ in mailbox.got))) == sorted(expected)
    for to, content in mailbox.got:
        message = mail.parse(content)
        assert mail.addresses(message, "To") == [("", to[0])] and message["Subject"] == "Order 42"


def test_smtp_sink(server: Server) -> None:
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # As root, smtp-sink insists on working as somebody else, who must be able to write each message to its file.
        folder.chmod(0o777)
        account = ["-u", "nobody"] if os.geteuid() == 0 else []
        process = subprocess.Popen(
            ["smtp-sink", *account, "-R", name, "-d", "message-%M.", f"127.0.0.1:{port}", "100"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: accepts(port), 10, "smtp-sink accepts connections")
            with live(server, f"smtp://127.0.0.1:{port}?tls=none") as client:
                expected = recipients(300)
                send_all(client, letter(client), expected, clients=10, customFields={"number": "42"})
                assert statuses(Ledger(client).wait_for_rest(60).values()) == {"sent": 300}
        finally:
            process.terminate()
            process.wait(10)
        # It puts its own fields and the envelope before each message, and ends lines by LF.
        messages = [mail.parse(path.read_bytes()) for path in folder.iterdir()]
    assert sorted(message["X-Rcpt-Args"].split()[0] for message in messages) == sorted(f"<{to}>" for to in expected)
    for message in messages:
        assert message["X-Rcpt-Args"].split()[0] == f"<{mail.addresses(message, 'To')[0][1]}>"
        assert message["Subject"] == "Order 42" and mail.body(message, "plain").strip() == "Order 42"
