"""Texts that break naive mail builders, judged by Python's parser on what the relay got; and line breaks, refused everywhere."""

import base64
import secrets
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from minimo import mail
from minimo.client import ApiClient
from minimo.company import Company, template
from minimo.ledger import Ledger
from minimo.load import send
from minimo.relay import Delivery, Features, Relay
from minimo.server import Server
from minimo.shapes import assert_envelope

FAMILY = "👨‍👩‍👧‍👦"
RTL = "مرحبا بالعالم — שלום עולם"


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with Relay() as made:
        yield made


@pytest.fixture(scope="module")
def sender(server: Server, relay: Relay) -> Iterator[ApiClient]:
    company = Company.create(server)
    company.send_by(relay.url(), connections=2)
    with company.client() as client:
        yield client


@pytest.fixture(scope="module")
def plain(sender: ApiClient) -> str:
    return template(sender, subject="{{subject}}", html="<p>{{{body}}}</p>", text="{{body}}")


def arrive(
    sender: ApiClient, relay: Relay, template_id: str, recipient: str | None = None, **options: Any
) -> tuple[Delivery, EmailMessage]:
    """Sends one message and returns it as it came."""
    recipient = recipient or f"{secrets.token_hex(6)}@example.org"
    before, offences = len(relay.deliveries), len(relay.offences)
    body = {"customFields": {"subject": "s", "body": "b"}} | options
    identifier = send(sender, template_id, recipient, **body).expect(200)["id"]
    relay.wait_for(lambda r: len(r.deliveries) > before, 30, f"the message to {recipient} comes")
    Ledger(sender).wait_for_status(identifier, "sent")
    assert len(relay.deliveries) == before + 1
    assert relay.offences[offences:] == []
    delivery = relay.deliveries[before]
    utf8 = "SMTPUTF8" in {parameter.upper() for parameter in delivery.parameters}
    return delivery, mail.parse(delivery.content, utf8)


SUBJECTS = [
    "Perché no? Größe, naïve façade",
    f"🎉 {FAMILY * 30} 🎉",
    RTL,
    "日本語の件名" * 40,
    "a" * 300,
    "word " * 60 + "end",
    "é " * 150 + "end",
    " leading and trailing ",
    "two  spaces   inside",
    "=?utf-8?Q?not_an_encoded_word?=",
    "quote \" backslash \\ comma, semicolon; <angle> @at (paren)",
    "a\u0301 decomposed and á composed",
    "zero\u200bwidth \u202eoverride",
    ".",
    "?=",
]


@pytest.mark.parametrize("subject", SUBJECTS, ids=range(len(SUBJECTS)))
def test_subjects(sender: ApiClient, relay: Relay, plain: str, subject: str) -> None:
    _, message = arrive(sender, relay, plain, customFields={"subject": subject, "body": "b"})
    # A field's value begins and ends without white space (RFC 5322 section 2.2).
    assert message["Subject"].strip() == subject.strip()


NAMES = [
    "Acme, Inc.",
    'Zoë "Zed" Müller, Jr.',
    "back\\slash",
    "O'Neil",
    "(comment) <angle> a@b.example",
    RTL,
    f"Team {FAMILY}",
    "日本語" * 20,
    "plain",
    "dot. dot.",
    "=?utf-8?Q?fake?=",
    "a " * 60 + "z",
]


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names(sender: ApiClient, relay: Relay, plain: str, name: str) -> None:
    _, message = arrive(
        sender, relay, plain, **{"from": f"{quoted(name)} <hello@acme.example>"}, replyTo=f"{quoted(name)} <reply@acme.example>"
    )
    assert mail.addresses(message, "From") == [(name.strip(), "hello@acme.example")]
    assert mail.addresses(message, "Reply-To") == [(name.strip(), "reply@acme.example")]


BODIES = {
    "long line": "x" * 2000,
    "long line of words": "word " * 400,
    "long line of UTF-8": "é" * 1000,
    "long line of emoji": FAMILY * 200,
    "many long lines": "\n".join(["y" * 2000] * 20),
    "dots": ".\n..\n.hidden\n...\n\n.\nend",
    "dot at the start": ".",
    "dots after long lines": ("z" * 75 + "\n.") * 30,
    "a dot at every place": "\n".join("w" * count + "." for count in range(120)),
    "From and dashes": "From here\n--\n-- \n--=_boundary\n>From there",
    "right to left": f"{RTL}\n\u202b{RTL}\u202c",
    "trailing blanks": "a \nb\t\n \n\t\nend ",
    "equals signs": "= =3D =\n=20",
    "blank lines": "\n\n\na\n\n\n",
    "nothing but a space": " ",
    "control characters": "tab\there\x0bvertical\x0cform\x1bescape\x7f",
    "all of Latin-1": "".join(chr(code) for code in range(0xA0, 0x100)),
    "line separators": "a\u2028b\u2029c\u0085d",
    "CR LF": "a\r\nb\r\n.\r\nc",
    "lone CR": "a\rb",
    "big": "The quick brown fox jumps over the lazy dog.\n" * 20_000,
}


def unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies(sender: ApiClient, relay: Relay, plain: str, body: str) -> None:
    delivery, message = arrive(sender, relay, plain, customFields={"subject": "s", "body": body})
    assert unified(mail.body(message, "plain")).removesuffix("\n") == unified(body).removesuffix("\n")
    assert unified(mail.body(message, "html")).removesuffix("\n") == f"<p>{unified(body)}</p>"
    assert max(len(line) for line in delivery.content.split(b"\r\n")) <= 998


@pytest.mark.parametrize(("html", "text"), [("<p>only</p>", None), (None, "only")])
def test_one_part_alone(sender: ApiClient, relay: Relay, html: str | None, text: str | None) -> None:
    _, message = arrive(sender, relay, template(sender, subject="s", html=html, text=text))
    if html is not None:
        assert mail.body(message, "html").strip() == html
    if text is not None:
        assert message.get_content_type() == "text/plain" and mail.body(message, "plain").strip() == text


# Addresses


@pytest.mark.parametrize(
    "recipient",
    [
        "info@münchen.example", "info@xn--mnchen-3ya.example", "почта@пример.example", "用户@例子.example",
        "o'neil+tag@example.org",
    ],
)
def test_international_recipients(sender: ApiClient, relay: Relay, plain: str, recipient: str) -> None:
    delivery, message = arrive(sender, relay, plain, recipient=recipient)
    (envelope,) = delivery.recipients
    local, _, domain = recipient.rpartition("@")

    def same(address: str) -> bool:
        its_local, _, its_domain = address.rpartition("@")
        return its_local == local and its_domain.encode("idna") == domain.encode("idna")

    assert same(envelope), envelope
    assert same(mail.addresses(message, "To")[0][1]), message["To"]
    if not envelope.isascii():
        assert "SMTPUTF8" in {parameter.upper() for parameter in delivery.parameters}


def test_international_recipients_of_a_relay_that_knows_ascii_alone(server: Server) -> None:
    with Relay(Features(smtputf8=False, eight_bit_mime=False)) as old:
        company = Company.create(server)
        company.send_by(old.url())
        with company.client() as client:
            made = template(client, subject=RTL, html=f"<p>{RTL}</p>", text=RTL)
            delivery, message = arrive(client, old, made, recipient="info@münchen.example")
            assert delivery.recipients == ("info@xn--mnchen-3ya.example",)
            assert message["Subject"] == RTL and mail.body(message, "plain").strip() == RTL
            assert delivery.content.isascii()
            # This local part cannot be written for it, and no retry will change that.
            identifier = send(client, made, "почта@example.org").expect(200)["id"]
            failed = Ledger(client).wait_for_status(identifier, "failed")
            assert failed["failure"]["permanent"] is True
            assert len(old.deliveries) == 1 and old.offences == []


def test_copies_and_reply_to(sender: ApiClient, relay: Relay, plain: str) -> None:
    delivery, message = arrive(
        sender, relay, plain, recipient="to@example.org", cc=['"Doe, Jane" <cc1@example.org>', "cc2@example.org"],
        bcc=["hidden@example.org"], replyTo="reply@acme.example",
    )
    assert set(delivery.recipients) == {"to@example.org", "cc1@example.org", "cc2@example.org", "hidden@example.org"}
    assert mail.addresses(message, "To") == [("", "to@example.org")]
    assert mail.addresses(message, "Cc") == [("Doe, Jane", "cc1@example.org"), ("", "cc2@example.org")]
    assert mail.addresses(message, "Reply-To") == [("", "reply@acme.example")]
    assert b"hidden@example.org" not in delivery.content


def test_own_headers(sender: ApiClient, relay: Relay, plain: str) -> None:
    headers = {
        "X-Order": "42", "X-Long": "word " * 100 + "end", "X-Unicode": f"Größe {FAMILY}", "X-Unbroken": "u" * 900,
        "List-Id": "<news.acme.example>",
    }
    _, message = arrive(sender, relay, plain, headers=headers)
    for name, value in headers.items():
        assert str(message[name]).strip() == value, name


def test_attachments(sender: ApiClient, relay: Relay, plain: str) -> None:
    files = [
        ("report.pdf", "application/pdf", secrets.token_bytes(100_000)),
        ("größe “quoted” \".txt", "text/plain; charset=utf-8", "Größe\r\n.\r\n".encode()),
        ("日本語" * 20 + ".png", "image/png", b"\x00\xff" * 10),
    ]
    given = [
        {"filename": name, "contentType": kind, "content": base64.b64encode(content).decode()}
        for name, kind, content in files
    ]
    _, message = arrive(sender, relay, plain, attachments=given)
    found = [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True)) for part in message.iter_attachments()
    ]
    assert found == [(name, kind.partition(";")[0], content) for name, kind, content in files]
    assert mail.body(message, "plain").strip() == "b"


# Line breaks


BREAKS = ["\r\n", "\n", "\r", "\0"]


@pytest.mark.parametrize("line_break", BREAKS, ids=["CRLF", "LF", "CR", "NUL"])
def test_line_breaks_are_refused(sender: ApiClient, relay: Relay, plain: str, line_break: str) -> None:
    evil = f"x{line_break}Bcc: victim@example.org"
    before = len(relay.deliveries)
    fields: list[dict[str, Any]] = [
        {"recipient": f"a@example.org{line_break}Bcc: victim@example.org"},
        {"recipient": f"a{line_break}b@example.org"},
        {"from": f"{evil} <hello@acme.example>"},
        {"from": f'"{evil}" <hello@acme.example>'},
        {"from": f"hello@acme.example{line_break}"},
        {"replyTo": f'"{evil}" <hello@acme.example>'},
        {"cc": [f'"{evil}" <cc@example.org>']},
        {"bcc": [f"cc@example.org{line_break}"]},
        {"headers": {"X-Order": evil}},
        {"headers": {f"X-Order{line_break}Bcc": "victim@example.org"}},
        {"attachments": [{"filename": evil, "contentType": "text/plain", "content": "eA=="}]},
        {"attachments": [{"filename": "x", "contentType": f"text/plain{line_break}X-Evil: 1", "content": "eA=="}]},
        {"attachments": [{"filename": "x", "contentType": "text/plain", "content": "eA==", "contentId": evil}]},
        {"customFields": {"subject": evil, "body": "b"}},
    ]
    for field in fields:
        body = {"templateId": plain, "recipient": "a@example.org", "customFields": {"subject": "s", "body": "b"}} | field
        answer = sender.post("/api/templates/email/send", body)
        assert answer.status == 422, (field, answer, answer.body)
        code = answer.json["error"]["code"]
        assert code in {"validation_error", "invalid_recipient"}, answer.body
        assert_envelope(answer, 422, code)
    for field in ({"name": evil}, {"subject": evil}, {"preheader": f"x{line_break}y"}):
        if line_break == "\n" and "preheader" in field:
            continue
        answer = sender.post("/api/templates/email", {"name": "x", "subject": "x", "html": "x"} | field)
        assert_envelope(answer, 422, "validation_error")
    # A message that is sent afterwards is the next one to come.
    arrive(sender, relay, plain)
    assert len(relay.deliveries) == before + 1
    assert b"victim@example.org" not in b"".join(delivery.content for delivery in relay.deliveries)


def test_a_contacts_name_cannot_break_a_subject(sender: ApiClient, relay: Relay) -> None:
    for evil in ("Jane\r\nBcc: victim@example.org", "Jane\nX: y"):
        assert_envelope(
            sender.post("/v1/contacts", {"email": "evil@example.org", "firstName": evil}), 422, "validation_error"
        )
    # A custom field may hold line breaks; a subject may not.
    sender.post("/v1/contacts", {"email": "evil@example.org", "customFields": {"nick": "J\r\nBcc: v@example.org"}}).expect(201)
    made = template(sender, subject="Hi {{nick}}", html="x", text="x")
    assert_envelope(send(sender, made, "evil@example.org"), 422, "validation_error")
