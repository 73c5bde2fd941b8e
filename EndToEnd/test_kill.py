"""SIGKILL at random moments while many clients send: nothing that was accepted is lost, and nothing is repeated unnamed."""

import bisect
import heapq
import http.client
import itertools
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from minimo import mail
from minimo.company import Company, template
from minimo.ledger import Ledger, statuses
from minimo.load import send
from minimo.relay import Relay, Reply, Stage, Wait
from minimo.server import Server
from minimo.shapes import assert_timestamp
from minimo.waiting import wait_until

KILLS = int(os.environ.get("MINIMO_KILLS", "22"))
CLIENTS = 20
CONNECTIONS = 10
PAUSE = 0.15  # seconds between the requests of one client: about a hundred a second in all


@dataclass
class Requests:
    """What the clients asked for, and what they were told."""

    accepted: dict[str, str] = field(default_factory=dict)  # message ids by recipient
    unknown: set[str] = field(default_factory=set)  # the server died before it answered
    refused: list[str] = field(default_factory=list)  # an answer that is neither 2xx nor 503


def keep_sending(
    server: Server, key: str, template_id: str, numbers: "itertools.count[int]", stop: threading.Event, log: Requests
) -> None:
    """One client: a new recipient for each request, so that no copy can be the client's own doing."""
    client = server.client(key, timeout=10)
    while not stop.is_set():
        number = next(numbers)
        recipient = f"{'never' if number % 50 == 0 else 'r'}{number}@example.org"
        try:
            answer = send(client, template_id, recipient)
        except ConnectionRefusedError:
            pass
        except (OSError, http.client.HTTPException):
            log.unknown.add(recipient)
        else:
            if answer.status == 200:
                log.accepted[recipient] = answer.json["id"]
            elif answer.status != 503:
                log.refused.append(f"{answer} {answer.body[:200]!r}")
        stop.wait(PAUSE)
    client.close()


@pytest.mark.timeout(420)
def test_random_kills(installations: Callable[..., Server]) -> None:
    seed = int(os.environ.get("MINIMO_KILL_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"MINIMO_KILL_SEED={seed}")
    moments = random.Random(seed)
    pauses = random.Random(seed + 1)
    server = installations().start()
    company = Company.create(server)
    with Relay() as relay:
        relay.on(Stage.RECIPIENT, Reply(550, "5.1.1 no such user here"), lambda address: address.startswith("never"))
        # An answer takes its time, so that every kill finds messages in the balance and others that wait.
        relay.on(Stage.ANSWER, Wait(lambda: pauses.uniform(0, 0.2)))
        company.send_by(relay.url(), connections=CONNECTIONS)
        key = company.key().secret
        with server.client(key) as client:
            template_id = template(client, subject="x", html="<p>x</p>" * 50, text="x")

        log, stop, numbers = Requests(), threading.Event(), itertools.count(1)
        threads = [
            threading.Thread(target=keep_sending, args=(server, key, template_id, numbers, stop, log)) for _ in range(CLIENTS)
        ]
        killed_at: list[float] = []
        in_the_balance: list[int] = []
        try:
            for thread in threads:
                thread.start()
            for _ in range(KILLS):
                stop.wait(moments.uniform(0.1, 2.0))
                assert server.process is not None and server.process.poll() is None, server.log[-4000:]
                in_the_balance.append(relay.unanswered)
                server.kill()
                killed_at.append(time.time())
                server.start()
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)

        with server.client(key) as client:
            ledger = Ledger(client)
            final = settle(ledger)
            judge(final, ledger, relay, log, killed_at)
            print(
                f"{len(log.accepted)} accepted, {len(log.unknown)} without an answer, {statuses(final.values())}, "
                f"in the balance at the kills: {in_the_balance}"
            )
        assert log.refused == []
        assert len(log.accepted) >= 10 * KILLS, "the clients got hardly anything in"
        assert sum(in_the_balance) >= KILLS, "the kills met hardly any message on its way"
        assert server.stop() == 0


def settle(ledger: Ledger) -> dict[str, dict]:
    """Waits until nothing is queued and no unconfirmed message is still to be repeated."""
    previous: dict[str, tuple[str, int]] = {}
    quiet_since = time.monotonic()

    def settled() -> dict[str, dict]:
        nonlocal previous, quiet_since
        messages = ledger.all()
        now = {identifier: (message["status"], message["attempts"]) for identifier, message in messages.items()}
        if now != previous:
            previous, quiet_since = now, time.monotonic()
        open_ones = [message for message in messages.values() if message["status"] in {"queued", "sending", "scheduled"}]
        # An unconfirmed message that has had its second attempt stays; one that has not is repeated soon.
        waiting = [message for message in messages.values() if message["status"] == "unconfirmed" and message["attempts"] < 2]
        quiet = time.monotonic() - quiet_since > 20
        return messages if not open_ones and (not waiting or quiet) else {}

    return wait_until(settled, 150, "the ledger is at rest", every=1)


def judge(final: dict[str, dict], ledger: Ledger, relay: Relay, log: Requests, killed_at: list[float]) -> None:
    by_recipient = {message["to"]: message for message in final.values()}
    assert len(by_recipient) == len(final), "two messages for one request"

    # Every accepted message is in the ledger and has come to an end; what was never asked for is not there.
    lost = {recipient: identifier for recipient, identifier in log.accepted.items() if identifier not in final}
    assert lost == {}, "accepted and not in the ledger"
    assert set(by_recipient) <= set(log.accepted) | log.unknown
    assert set(statuses(final.values())) <= {"sent", "failed", "unconfirmed"}, statuses(final.values())

    # What is in doubt or was tried twice is looked at closely.
    copies = relay.copies()
    assert not set(copies) - set(by_recipient), "something came that is in no ledger"
    doubts = {
        message["id"]: doubts_of(ledger.one(message["id"])) for message in final.values()
        if message["status"] == "unconfirmed" or message["attempts"] != 1 or copies[message["to"]] > 1
    }
    for message in final.values():
        recipient, in_doubt = message["to"], len(doubts.get(message["id"], ()))
        assert in_doubt <= 2 and copies[recipient] <= min(1 + in_doubt, 2), (
            f"{message} came {copies[recipient]} times and was {in_doubt} times in doubt"
        )
        if recipient.startswith("never"):
            assert message["status"] in {"failed", "unconfirmed"} and copies[recipient] == 0, message
        elif message["status"] == "sent":
            assert copies[recipient] >= 1, f"{message} is called sent and never came"
        else:
            assert message["status"] == "unconfirmed" and in_doubt >= 1, message

    # Copies of a message are the same message.
    for recipient, got in relay.deliveries_by_recipient().items():
        if len(got) > 1:
            assert len({mail.parse(delivery.content)["Message-ID"] for delivery in got}) == 1, recipient
    assert relay.offences == []

    assert_no_kill_leaves_more_in_doubt_than_connections([begin for begins in doubts.values() for begin in begins], killed_at)


def doubts_of(message: dict) -> list[float]:
    """When the attempts began whose outcome nobody knows, in whole seconds as the API tells it."""
    begins = [
        assert_timestamp(attempt["at"]).timestamp() for attempt in message["attemptHistory"]
        if attempt["outcome"] == "unconfirmed"
    ]
    named = [event for event in message["events"] if event["type"] == "message.unconfirmed"]
    assert len(named) == len(begins), message
    return begins


def assert_no_kill_leaves_more_in_doubt_than_connections(begins: list[float], killed_at: list[float]) -> None:
    """Each doubt belongs to the first kill after its attempt began, a moment that is known to the second.

    So it may belong to any of a few kills in a row. Serving the doubts in the order of the last kill that each may belong
    to finds a way to give every kill at most its share, if there is one.
    """
    windows = sorted((bisect.bisect(killed_at, begin), bisect.bisect(killed_at, begin + 1)) for begin in begins)
    waiting: list[int] = []
    for kill in range(len(killed_at)):
        while windows and windows[0][0] <= kill:
            heapq.heappush(waiting, windows.pop(0)[1])
        for _ in range(min(CONNECTIONS, len(waiting))):
            heapq.heappop(waiting)
        assert not waiting or waiting[0] > kill, f"kill {kill} left more than {CONNECTIONS} messages in doubt"
    assert not windows and not waiting, (
        f"more than {CONNECTIONS} messages are in doubt at the last kill, or some without a kill: {sorted(begins)}, {killed_at}"
    )


def test_the_doubts_of_a_kill_are_counted_right() -> None:
    count = assert_no_kill_leaves_more_in_doubt_than_connections
    count([], [])
    count([10.0] * 10 + [11.0] * 10, [10.5, 11.5])
    # Begun within the second of a kill: before or after it.
    count([10.0] * 20, [10.5, 11.5])
    for begins, kills in (([10.0] * 11, [12.0]), ([10.0] * 21, [10.5, 11.5]), ([13.0], [12.0]), ([9.0] * 11, [10.5, 11.5])):
        with pytest.raises(AssertionError):
            count(begins, kills)
