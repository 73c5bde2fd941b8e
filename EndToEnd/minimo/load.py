"""Many clients at once."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .client import ApiClient, Response

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    items: Iterable[Item], clients: Sequence[ApiClient], work: Callable[[ApiClient, Item], Result]
) -> list[Result]:
    """Does `work` for every item, each client by its own thread, and returns the results in no order."""
    queue = iter(list(items))

    def drain(client: ApiClient) -> list[Result]:
        # Taking from a list's iterator is one step of the interpreter, so two threads never get the same item.
        with client:
            return [work(client, item) for item in queue]

    with ThreadPoolExecutor(len(clients)) as pool:
        return [result for results in pool.map(drain, clients) for result in results]


def send(client: ApiClient, template_id: str, recipient: str, **options: object) -> Response:
    """Asks for one email."""
    body = {"templateId": template_id, "recipient": recipient} | options
    return client.post("/api/templates/email/send", body)


def send_all(
    client: ApiClient, template_id: str, recipients: Iterable[str], clients: int = 20, **options: object
) -> dict[str, str]:
    """Asks for an email to each recipient from many clients; all must be accepted. Returns message ids by recipient."""

    def one(each: ApiClient, recipient: str) -> tuple[str, str]:
        body = send(each, template_id, recipient, **options).expect(200)
        assert set(body) == {"status", "id"} and body["status"] == 200, body
        return recipient, body["id"]

    pairs = in_parallel(recipients, [client.using(client.key) for _ in range(clients)], one)
    accepted = dict(pairs)
    assert len(accepted) == len(pairs) == len(set(accepted.values())), "a recipient or a message id came twice"
    return accepted
