"""Reading what the relay got, with Python's own parsers."""

import email
import email.errors
import email.header
import email.policy
import email.utils
import re
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage

MESSAGE_ID = re.compile(r"\A<[^<>@\s]+@[^<>@\s]+>\Z")
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version")
AT_MOST_ONCE = ("Sender", "Reply-To", "Cc", "Content-Type", "Content-Transfer-Encoding")


def parse(content: bytes, utf8: bool = False) -> EmailMessage:
    """The message, if it has no defect in any part or header field, and every field that it must have once.

    `utf8` is for messages that were sent with SMTPUTF8, whose header fields are UTF-8 (RFC 6532).
    """
    if utf8:
        message = email.message_from_string(content.decode(), policy=email.policy.default)
    else:
        message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == [], (part.defects, content[:2000])
        for name, value in part.items():
            defects = [
                defect for defect in getattr(value, "defects", ())
                # Python does not know that RFC 6532 allows it.
                if not (utf8 and isinstance(defect, email.errors.NonASCIILocalPartDefect))
            ]
            assert defects == [], (name, value, defects)
    for name in ONCE:
        assert len(message.get_all(name, [])) == 1, (name, content[:2000])
    for name in AT_MOST_ONCE:
        assert len(message.get_all(name, [])) <= 1, (name, content[:2000])
    assert "Bcc" not in message
    assert message["MIME-Version"] == "1.0"
    assert MESSAGE_ID.match(message["Message-ID"]), message["Message-ID"]
    date = message["Date"].datetime
    assert date.tzinfo is not None and abs(date - datetime.now(timezone.utc)) < timedelta(minutes=10), message["Date"]
    return message


def body(message: EmailMessage, kind: str) -> str:
    """The text of the `plain` or `html` part, lines ended by LF."""
    part = message.get_body(preferencelist=(kind,))
    assert part is not None, f"no {kind} part"
    text = part.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


def addresses(message: EmailMessage, name: str) -> list[tuple[str, str]]:
    """The display names and addresses of a field.

    By the older of Python's two parsers: the newer one puts a space between the encoded words of a long name, which
    RFC 2047 section 6.2 says is to be ignored.
    """
    raw = next(str(value) for field, value in message.raw_items() if field.lower() == name.lower())
    return [
        (str(email.header.make_header(email.header.decode_header(display))), address)
        for display, address in email.utils.getaddresses([re.sub(r"\r?\n", "", raw)])
    ]
