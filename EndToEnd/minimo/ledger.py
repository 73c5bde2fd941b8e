"""What the server's ledger says of the messages of one workspace."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .client import ApiClient
from .waiting import wait_until

# A message in one of these has had its say; `unconfirmed` only when it is not to be sent again.
AT_REST = {"sent", "delivered", "failed", "bounced", "complained", "cancelled", "suppressed"}


class Ledger:
    """Reads messages over the API."""

    def __init__(self, client: ApiClient):
        self.client = client

    def all(self) -> dict[str, dict[str, Any]]:
        """Every message of the workspace by its id. Nothing may be sent meanwhile."""
        found: dict[str, dict[str, Any]] = {}
        page = 1
        while True:
            body = self.client.get("/api/messages", params={"page": page, "limit": 100}).expect(200)
            for message in body["data"]:
                assert message["id"] not in found, f"{message['id']} is on two pages"
                found[message["id"]] = message
            if not body["pagination"]["hasNext"]:
                assert len(found) == body["pagination"]["total"], body["pagination"]
                return found
            page += 1

    def one(self, message_id: str) -> dict[str, Any]:
        """A message with its events."""
        return self.client.get(f"/api/messages/{message_id}").expect(200)

    def events(self, message_id: str) -> list[str]:
        """The types of a message's events, in the order of their time."""
        events = self.one(message_id)["events"]
        return [event["type"] for event in sorted(events, key=lambda event: event["at"])]

    def wait_for_rest(self, seconds: float, also: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
        """Waits until every message is at rest (or has a status of `also`), and returns them all."""
        final = AT_REST | set(also)
        latest: dict[str, dict[str, Any]] = {}

        def at_rest() -> bool:
            latest.clear()
            latest.update(self.all())
            return all(message["status"] in final for message in latest.values())

        try:
            wait_until(at_rest, seconds, "every message is at rest", every=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}: {statuses(latest.values())}") from None
        return latest

    def wait_for_status(self, message_id: str, status: str, seconds: float = 30) -> dict[str, Any]:
        """Waits until a message has a status, and returns it with its events."""
        return wait_until(
            lambda: (message := self.one(message_id))["status"] == status and message,
            seconds, f"{message_id} is {status} (now {self.one(message_id)['status']})", every=0.1,
        )


def statuses(messages: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many messages have which status."""
    return dict(Counter(message["status"] for message in messages))
