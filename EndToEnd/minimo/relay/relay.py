"""The relay: a thread with an event loop, and what a test sees of it."""

import asyncio
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .script import Action, Features, Rule, Script, Stage
from .session import Attempt, Closed, Delivery, Record, Session

T = TypeVar("T")


class Relay:
    """An SMTP server on a port of 127.0.0.1. Use it as a context; `up=False` begins with refused connections."""

    def __init__(self, features: Features | None = None, *, up: bool = True):
        self.features = features or Features()
        self._script = Script()
        self._record = Record()
        self._begin_up = up
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Bound and not listening: connections are refused, and the port stays ours.
        self._socket = self._bind(0)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def __enter__(self) -> "Relay":
        self._thread.start()
        if self._begin_up:
            self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._socket.close()

    # Telling it what to do

    def url(self, tls: str = "none", user: str = "") -> str:
        """The address for `minimo channels email set`; `user` is `name:password`."""
        return f"smtp://{user}{'@' if user else ''}127.0.0.1:{self.port}?tls={tls}"

    def up(self) -> None:
        """Accepts connections."""
        self._call(self._up())

    def down(self) -> None:
        """Refuses connections, and ends those that are open."""
        self._call(self._down())

    def on(
        self,
        stage: Stage,
        action: Action,
        recipients: Callable[[str], bool] | None = None,
        *,
        times: int | None = None,
        after_bytes: int = 0,
    ) -> None:
        """Adds a rule; see `Rule`. Rules that were added earlier go first."""
        self._script.add(Rule(stage, action, recipients, times, after_bytes))

    def release(self) -> None:
        """Lets everything that stalls go on, now and later."""
        self._loop.call_soon_threadsafe(self._released.set)

    # What happened

    @property
    def deliveries(self) -> list[Delivery]:
        return list(self._record.deliveries)

    @property
    def attempts(self) -> list[Attempt]:
        return list(self._record.attempts)

    @property
    def offences(self) -> list[str]:
        """Where the client did not keep to the protocol."""
        return list(self._record.offences)

    @property
    def commands(self) -> list[tuple[int, str]]:
        """All commands, each with the number of its session; credentials are left out."""
        return list(self._record.commands)

    @property
    def sessions(self) -> int:
        """How many connections there have been."""
        return self._record.sessions

    @property
    def most_open_sessions(self) -> int:
        return self._record.most_open_sessions

    @property
    def unanswered(self) -> int:
        """How many messages have come whole, and their client does not know it yet."""
        return len(self._record.unanswered)

    def copies(self) -> Counter[str]:
        """How many copies each recipient got."""
        return Counter(recipient for delivery in self.deliveries for recipient in delivery.recipients)

    def deliveries_by_recipient(self) -> dict[str, list[Delivery]]:
        grouped = defaultdict(list)
        for delivery in self.deliveries:
            for recipient in delivery.recipients:
                grouped[recipient].append(delivery)
        return dict(grouped)

    def attempts_by_recipient(self) -> dict[str, list[Attempt]]:
        grouped = defaultdict(list)
        for attempt in self.attempts:
            grouped[attempt.recipient].append(attempt)
        return dict(grouped)

    def wait_for(self, check: Callable[["Relay"], T], seconds: float, what: str) -> T:
        """Waits until `check` is true of the relay; fails after `seconds`."""
        with self._changed:
            found = self._changed.wait_for(lambda: check(self), timeout=seconds)
        assert found, f"not within {seconds:g} s: {what} ({len(self._record.deliveries)} deliveries, {self.sessions} sessions)"
        return found

    def wait_for_recipients(self, recipients: set[str], seconds: float) -> None:
        """Waits until every one of these has got a message."""
        missing = set(recipients)

        def all_there(relay: "Relay") -> bool:
            for delivery in relay._record.deliveries[all_there.seen :]:
                all_there.seen += 1
                missing.difference_update(delivery.recipients)
            return not missing

        all_there.seen = 0
        with self._changed:
            found = self._changed.wait_for(lambda: all_there(self), timeout=seconds)
        assert found, f"{len(missing)} recipients got nothing within {seconds:g} s: {sorted(missing)[:10]} …"

    # Inside

    @staticmethod
    def _bind(port: int) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        return bound

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(15)

    async def _up(self) -> None:
        if self._listener is None:
            implicit = self.features.tls if self.features.implicit_tls else None
            self._listener = await asyncio.start_server(self._serve, sock=self._socket, ssl=implicit, backlog=512)

    async def _down(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._socket = self._bind(self.port)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        record = self._record
        record.sessions += 1
        record.open_sessions += 1
        record.most_open_sessions = max(record.most_open_sessions, record.open_sessions)
        session = Session(
            record.sessions, reader, writer, self.features, self._script, record, self._released, self._notify
        )
        try:
            await session.run()
        except (Closed, asyncio.CancelledError):
            pass
        finally:
            record.open_sessions -= 1
            record.unanswered.discard(session.number)
            self._tasks.discard(task)
            writer.close()
            self._notify()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()
