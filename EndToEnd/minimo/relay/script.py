"""What a relay offers, and the rules by which it misbehaves."""

import enum
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


class Stage(enum.Enum):
    """The moments at which a rule can act."""

    CONNECT = "connect"
    HELLO = "hello"
    AUTH = "auth"
    MAIL = "mail"
    RECIPIENT = "recipient"
    DATA = "data"  # in place of the 354
    CONTENT = "content"  # after some bytes of the content have come, before its final dot; not for Reply
    DOT = "dot"  # after the final dot, before the message counts as taken
    ANSWER = "answer"  # after the message counts as taken, before the answer says so


@dataclass(frozen=True)
class Reply:
    """Answers this instead of yes. The code 421 also ends the connection."""

    code: int
    text: str


@dataclass(frozen=True)
class Drop:
    """Closes the connection without a word."""


@dataclass(frozen=True)
class Stall:
    """Says nothing until `Relay.release()`, then goes on as if nothing had been."""


@dataclass(frozen=True)
class Wait:
    """Goes on after this many seconds, or as many as the function says."""

    seconds: float | Callable[[], float]


@dataclass(frozen=True)
class Go:
    """Goes on: what happens without a rule."""


Action = Reply | Drop | Stall | Wait | Go


@dataclass
class Features:
    """What the relay announces and insists on."""

    pipelining: bool = True
    eight_bit_mime: bool = True
    smtputf8: bool = True
    enhanced_status_codes: bool = True
    size: int | None = 26_214_400
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False  # else STARTTLS, when there is a context
    mechanisms: tuple[str, ...] = ()
    mechanisms_without_tls: bool = False
    users: dict[str, str] = field(default_factory=dict)
    messages_per_connection: int | None = None  # afterwards 421


@dataclass
class Rule:
    """At `stage`, for the recipients that match, does `action` the first `times` times (always, when None).

    `times` counts for each recipient, so "refuse the first attempt for these" is one rule. At stages that have no
    recipient yet it counts altogether.
    """

    stage: Stage
    action: Action
    recipients: Callable[[str], bool] | None = None
    times: int | None = None
    after_bytes: int = 0  # of the content; for Stage.CONTENT alone
    used: Counter[str] = field(default_factory=Counter)


class Script:
    """The rules of a relay; the first that applies acts."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    def take(self, stage: Stage, recipients: Iterable[str] = ()) -> tuple[Action, int]:
        """What to do now, counted as used, and the rule's `after_bytes`."""
        addresses = list(recipients)
        with self._lock:
            for rule in self._rules:
                if rule.stage is not stage:
                    continue
                chosen = [a for a in addresses if rule.recipients(a)] if rule.recipients else (addresses or [""])
                chosen = [a for a in chosen if rule.times is None or rule.used[a] < rule.times]
                if chosen:
                    rule.used.update(chosen)
                    return rule.action, rule.after_bytes
        return Go(), 0
