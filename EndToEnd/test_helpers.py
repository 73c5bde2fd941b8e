"""The helpers that read other people's text, judged on examples."""

import base64
import email
import email.errors
import email.policy
from datetime import datetime, timezone
from email.utils import format_datetime

import pytest

from minimo import mail, shell
from minimo.client import Response

PRINTED = """
Minimo listens on https://127.0.0.1:8443
curl is all you need. Try:

    curl --cacert .build-data/tls/ca.pem https://127.0.0.1:8443/v1/contacts \\
      -d '{"email":"jane@example.com",
           "firstName":"Jane"}'
    TEMPLATE=$(curl -s x)
    minimo sandbox list --data-dir .build-data
"""

README = """# Minimo
## A tour in five curls
```sh
KEY=x
# a comment
curl 1
```
text
```json
{}
```
### deeper
```sh
curl 2
```
## Next
```sh
curl 3
```
"""


def test_commands_are_found_as_they_are_pasted() -> None:
    first, second, third = shell.commands(PRINTED)
    assert first.startswith("curl --cacert") and first.endswith("\"firstName\":\"Jane\"}'") and first.count("\n") == 2
    assert (second, third) == ("TEMPLATE=$(curl -s x)", "minimo sandbox list --data-dir .build-data")


def test_blocks_end_with_the_section() -> None:
    assert shell.blocks(README, "A tour in five curls") == ["KEY=x\n# a comment\ncurl 1\n", "curl 2\n"]


def test_a_good_message_is_read_and_bad_ones_are_refused() -> None:
    lines = [
        "From: =?utf-8?Q?Zo=C3=AB?= <a@b.example>", "To: c@d.example", "Subject: x",
        f"Date: {format_datetime(datetime.now(timezone.utc))}",
        "Message-ID: <x@b.example>", "MIME-Version: 1.0",
    ]
    good = "\r\n".join(lines) + "\r\n\r\nhi\r\n"
    message = mail.parse(good.encode())
    assert mail.addresses(message, "From") == [("Zoë", "a@b.example")]
    assert mail.body(message, "plain") == "hi\n"
    for before, after in (
        ("Subject: x", "Subject: x\r\nSubject: y"),
        ("MIME-Version: 1.0", "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x"),
        ("To: c@d.example", "To: c@d@e"),
        ("Message-ID: <x@b.example>", "X-None: 1"),
        ("Subject: x", "Subject: x\r\nBcc: e@f.example"),
    ):
        with pytest.raises((AssertionError, email.errors.MessageError)):
            mail.parse(good.replace(before, after).encode())


def test_names_are_read_as_rfc_2047_says() -> None:
    def field(value: str) -> list[tuple[str, str]]:
        return mail.addresses(email.message_from_string(f"To: {value}\r\n\r\n", policy=email.policy.default), "To")

    long = "日本語" * 5
    words = " ".join([f"=?utf-8?B?{base64.b64encode(long.encode()).decode()}?="] * 3)
    assert field(f"{words} <a@b.example>") == [(long * 3, "a@b.example")]
    assert field('"Doe, \\"J\\"" <a@b.example>,\r\n c@d.example') == [('Doe, "J"', "a@b.example"), ("", "c@d.example")]


def test_an_answer_with_a_member_twice_is_not_json() -> None:
    response = Response("GET", "/", 200, None, b'{"a":1,"a":2}')
    with pytest.raises(AssertionError):
        response.json
