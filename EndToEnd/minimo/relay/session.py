"""One connection to a relay: a strict reading of RFC 5321 that writes down every offence of the client."""

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .script import Drop, Features, Go, Reply, Script, Stage, Stall, Wait

LONGEST_COMMAND = 512
LONGEST_LINE = 998  # RFC 5321 section 4.5.3.1.6: 1,000 octets with the CRLF
LAST_OF_ITS_GROUP = {"EHLO", "HELO", "STARTTLS", "AUTH", "DATA", "QUIT", "NOOP"}  # RFC 2920 section 3.1


@dataclass(frozen=True)
class Delivery:
    """A message that the relay took."""

    sender: str
    recipients: tuple[str, ...]
    parameters: tuple[str, ...]  # of MAIL FROM
    content: bytes  # without dot-stuffing, every line ended by CRLF
    at: float  # time.monotonic() when the final dot had come
    session: int
    encrypted: bool
    user: str | None


@dataclass(frozen=True)
class Attempt:
    """A recipient that was named, and what the relay answered to RCPT."""

    recipient: str
    at: float
    code: int | None  # None: no answer was given
    session: int


class Closed(Exception):
    """The connection ended, or is to be ended now."""


class Record:
    """Where sessions write what happened. The relay makes it visible to the test's thread."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.attempts: list[Attempt] = []
        self.offences: list[str] = []
        self.commands: list[tuple[int, str]] = []
        self.sessions = 0
        self.open_sessions = 0
        self.most_open_sessions = 0
        self.unanswered: set[int] = set()  # sessions whose final dot has come and whose answer has not gone out


class Session:
    """Reads commands and answers them as the features and the script say."""

    def __init__(
        self,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        features: Features,
        script: Script,
        record: Record,
        released: asyncio.Event,
        changed: Callable[[], None],
    ):
        self.number = number
        self.reader = reader
        self.writer = writer
        self.features = features
        self.script = script
        self.record = record
        self.released = released
        self.changed = changed
        self.buffer = bytearray()
        self.encrypted = features.tls is not None and features.implicit_tls
        self.greeted = False
        self.user: str | None = None
        self.messages = 0
        self.forget()

    def forget(self) -> None:
        """Ends the mail transaction."""
        self.sender: str | None = None
        self.parameters: tuple[str, ...] = ()
        self.recipients: list[str] = []

    def offence(self, what: str) -> None:
        self.record.offences.append(f"session {self.number}: {what}")

    async def run(self) -> None:
        """Serves the connection until it ends."""
        await self.act(Stage.CONNECT)
        await self.reply(220, "relay.example ESMTP")
        while True:
            line = await self.line()
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            self.record.commands.append((self.number, line if verb != "AUTH" else "AUTH …"))
            self.changed()
            if self.buffer:
                if not self.features.pipelining:
                    self.offence(f"{verb} was followed at once, and PIPELINING is not offered")
                elif verb in LAST_OF_ITS_GROUP:
                    self.offence(f"{verb} is not the last command of its group")
            handler = self.handlers.get(verb)
            if handler is None:
                self.offence(f"unknown command {line!r}")
                await self.reply(500, "5.5.1 unknown command")
            else:
                await handler(self, argument)

    # Commands

    async def hello(self, argument: str) -> None:
        self.forget()
        if not argument.strip():
            self.offence("EHLO without a name")
        await self.act(Stage.HELLO)
        self.greeted = True
        lines = ["relay.example"]
        features = self.features
        if features.pipelining:
            lines.append("PIPELINING")
        if features.size is not None:
            lines.append(f"SIZE {features.size}")
        if features.tls is not None and not self.encrypted:
            lines.append("STARTTLS")
        if self.mechanisms:
            lines.append("AUTH " + " ".join(self.mechanisms))
        if features.enhanced_status_codes:
            lines.append("ENHANCEDSTATUSCODES")
        if features.eight_bit_mime:
            lines.append("8BITMIME")
        if features.smtputf8:
            lines.append("SMTPUTF8")
        text = [f"250-{line}\r\n" for line in lines[:-1]] + [f"250 {lines[-1]}\r\n"]
        await self.write("".join(text))

    async def hello_without_extensions(self, _: str) -> None:
        self.forget()
        self.greeted = True
        await self.reply(250, "relay.example")

    @property
    def mechanisms(self) -> tuple[str, ...]:
        allowed = self.encrypted or self.features.mechanisms_without_tls
        return self.features.mechanisms if allowed else ()

    async def start_tls(self, argument: str) -> None:
        if self.features.tls is None or self.encrypted or argument:
            self.offence("STARTTLS out of place")
            await self.reply(503, "5.5.1 out of place")
            return
        await self.reply(220, "2.0.0 go ahead")
        if self.buffer:
            self.offence("bytes in clear after STARTTLS")
            self.buffer.clear()
        try:
            await self.writer.start_tls(self.features.tls)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Closed from error
        self.encrypted = True
        self.greeted = False
        self.user = None
        self.forget()

    async def authenticate(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        if mechanism not in self.mechanisms:
            self.offence(f"AUTH {mechanism} was not offered here")
            await self.reply(504, "5.5.4 not offered")
            return
        if mechanism == "PLAIN":
            secret = self.decode(initial) if initial else await self.challenge("")
            parts = secret.split("\0")
            user, password = (parts[1], parts[2]) if len(parts) == 3 else ("", "")
        else:
            user = self.decode(initial) if initial else await self.challenge("VXNlcm5hbWU6")
            password = await self.challenge("UGFzc3dvcmQ6")
        await self.act(Stage.AUTH)
        if self.features.users.get(user) == password:
            self.user = user
            await self.reply(235, "2.7.0 welcome")
        else:
            await self.reply(535, "5.7.8 bad credentials")

    async def challenge(self, text: str) -> str:
        await self.write(f"334 {text}\r\n")
        return self.decode(await self.line())

    def decode(self, text: str) -> str:
        try:
            return base64.b64decode("" if text == "=" else text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            self.offence("AUTH with something that is not base64")
            return ""

    async def mail(self, argument: str) -> None:
        path = self.path(argument, "FROM:")
        if path is None or self.sender is not None or not self.greeted:
            self.offence(f"MAIL out of place: {argument!r}")
            await self.reply(503, "5.5.1 out of place")
            return
        address, parameters = path
        self.check_parameters(parameters)
        if self.features.mechanisms and self.user is None:
            await self.reply(530, "5.7.0 authentication required")
            return
        if self.features.messages_per_connection is not None and self.messages >= self.features.messages_per_connection:
            await self.reply(421, "4.7.0 enough for one connection")
            raise Closed
        if await self.act(Stage.MAIL):
            return
        self.sender, self.parameters = address, tuple(parameters)
        await self.reply(250, "2.1.0 ok")

    def check_parameters(self, parameters: list[str]) -> None:
        features = self.features
        offered = {"SIZE": features.size is not None, "BODY": features.eight_bit_mime, "SMTPUTF8": features.smtputf8}
        for parameter in parameters:
            if not offered.get(parameter.partition("=")[0].upper(), False):
                self.offence(f"MAIL with {parameter}, which was not offered")

    async def recipient(self, argument: str) -> None:
        path = self.path(argument, "TO:")
        if path is None or not path[0]:
            self.offence(f"RCPT out of place: {argument!r}")
            await self.reply(501, "5.5.4 out of place")
            return
        address = path[0]
        if self.sender is None:
            # Legitimate when MAIL was refused and RCPT had been sent with it.
            await self.reply(503, "5.5.1 no sender")
            return
        action, _ = self.script.take(Stage.RECIPIENT, [address])
        code = action.code if isinstance(action, Reply) else None if isinstance(action, Drop) else 250
        self.record.attempts.append(Attempt(address, time.monotonic(), code, self.number))
        self.changed()
        if await self.do(action):
            return
        self.recipients.append(address)
        await self.reply(250, "2.1.5 ok")

    def path(self, argument: str, prefix: str) -> tuple[str, list[str]] | None:
        """The address between <> and the parameters after it."""
        match = re.fullmatch(re.escape(prefix) + r"<([^>]*)>((?: [^ ]+)*)", argument, re.IGNORECASE)
        if match is None:
            return None
        if not match[1].isascii() and "SMTPUTF8" not in (p.upper() for p in (*self.parameters, *match[2].split())):
            self.offence(f"{match[1]!r} without SMTPUTF8")
        return match[1], match[2].split()

    async def data(self, _: str) -> None:
        if not self.recipients:
            # Legitimate when all recipients were refused and DATA had been sent with them.
            await self.reply(554, "5.5.1 no valid recipients")
            return
        if await self.act(Stage.DATA):
            return
        await self.reply(354, "go ahead")
        content = await self.content()
        self.record.unanswered.add(self.number)
        try:
            if await self.act(Stage.DOT):
                return
            self.check_content(content)
            self.messages += 1
            self.record.deliveries.append(
                Delivery(
                    self.sender or "", tuple(self.recipients), self.parameters, content, time.monotonic(), self.number,
                    self.encrypted, self.user,
                )
            )
            self.changed()
            if await self.act(Stage.ANSWER):
                return
            await self.reply(250, f"2.0.0 taken as {self.number}-{self.messages}")
        finally:
            self.record.unanswered.discard(self.number)
            self.forget()

    async def content(self) -> bytes:
        """Reads up to the final dot and undoes dot-stuffing."""
        action, after_bytes = self.script.take(Stage.CONTENT, self.recipients)
        pending = not isinstance(action, Go)
        # The CRLF before the final dot may be that of the DATA command.
        self.buffer[:0] = b"\r\n"
        searched = 0
        while True:
            if pending and len(self.buffer) - 2 >= after_bytes:
                pending = False
                await self.do(action)
            end = self.buffer.find(b"\r\n.\r\n", searched)
            if end >= 0 and not pending:
                break
            searched = max(0, len(self.buffer) - 4)
            if end >= 0:
                # The whole content has come before the rule's number of bytes.
                pending = False
                await self.do(action)
                searched = 0
                continue
            await self.fill()
        stuffed = bytes(self.buffer[: end + 2])
        del self.buffer[: end + 5]
        if re.search(rb"\r\n\.[^.]", stuffed):
            self.offence("a line that begins with a dot is not stuffed")
        return stuffed.replace(b"\r\n.", b"\r\n")[2:]

    def check_content(self, content: bytes) -> None:
        bare = content.replace(b"\r\n", b"")
        if b"\r" in bare or b"\n" in bare:
            self.offence("a bare CR or LF in the content")
        if b"\0" in content:
            self.offence("a NUL in the content")
        longest = max(map(len, content.split(b"\r\n")))
        if longest > LONGEST_LINE:
            self.offence(f"a line of {longest} octets")
        parameters = {parameter.upper() for parameter in self.parameters}
        if not content.isascii() and not parameters & {"BODY=8BITMIME", "SMTPUTF8"}:
            self.offence("8-bit content without BODY=8BITMIME")
        if not content.partition(b"\r\n\r\n")[0].isascii() and "SMTPUTF8" not in parameters:
            self.offence("8-bit header fields without SMTPUTF8")

    async def reset(self, _: str) -> None:
        self.forget()
        await self.reply(250, "2.0.0 ok")

    async def nothing(self, _: str) -> None:
        await self.reply(250, "2.0.0 ok")

    async def quit(self, _: str) -> None:
        await self.reply(221, "2.0.0 bye")
        raise Closed

    handlers: dict[str, Callable[["Session", str], Awaitable[None]]] = {
        "EHLO": hello, "HELO": hello_without_extensions, "STARTTLS": start_tls, "AUTH": authenticate, "MAIL": mail,
        "RCPT": recipient, "DATA": data, "RSET": reset, "NOOP": nothing, "QUIT": quit,
    }

    # Rules

    async def act(self, stage: Stage) -> bool:
        """Does what the script says at this stage; true when it has answered instead of us."""
        action, _ = self.script.take(stage, self.recipients)
        return await self.do(action)

    async def do(self, action: object) -> bool:
        match action:
            case Reply(code, text):
                await self.reply(code, text)
                if code == 421:
                    raise Closed
                return True
            case Drop():
                raise Closed
            case Stall():
                await self.released.wait()
            case Wait(seconds):
                await asyncio.sleep(seconds() if callable(seconds) else seconds)
        return False

    # Bytes

    async def fill(self) -> None:
        try:
            chunk = await self.reader.read(262_144)
        except OSError as error:
            raise Closed from error
        if not chunk:
            raise Closed
        self.buffer += chunk

    async def line(self) -> str:
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > 100_000:
                self.offence("a command without an end")
                raise Closed
            await self.fill()
        line = bytes(self.buffer[: end + 1])
        del self.buffer[: end + 1]
        if not line.endswith(b"\r\n"):
            self.offence(f"a command without CRLF: {line!r}")
        if len(line) > LONGEST_COMMAND and not line.upper().startswith(b"AUTH"):
            self.offence(f"a command of {len(line)} octets")
        return line.rstrip(b"\r\n").decode("utf-8", errors="replace")

    async def reply(self, code: int, text: str) -> None:
        if not self.features.enhanced_status_codes:
            text = re.sub(r"^\d\.\d+\.\d+ ", "", text)
        await self.write(f"{code} {text}\r\n")

    async def write(self, text: str) -> None:
        self.writer.write(text.encode())
        try:
            await self.writer.drain()
        except OSError as error:
            raise Closed from error
