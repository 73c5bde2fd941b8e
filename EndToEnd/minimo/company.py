"""A company of an installation, with the keys and channels that the tests need."""

import secrets
from dataclasses import dataclass
from typing import Any

from .client import ApiClient
from .server import Server

SENDER = "Acme <hello@acme.example>"


@dataclass(frozen=True)
class Key:
    """An API key as `minimo keys create --json` prints it."""

    id: str
    secret: str


class Company:
    """One tenant. Each test that counts messages has its own, so that nothing else is in its ledger."""

    def __init__(self, server: Server, client_id: str):
        self.server = server
        self.client_id = client_id

    @staticmethod
    def create(server: Server, name: str | None = None) -> "Company":
        created = server.json("companies", "create", "--name", name or f"Company {secrets.token_hex(3)}")
        return Company(server, created["clientId"])

    def key(self, permissions: str = "FULL_ACCESS", *options: str, test: bool = False, name: str = "end to end") -> Key:
        arguments = ["keys", "create", "--name", name, "--permissions", permissions, "--company", self.client_id]
        created = self.server.json(*arguments, *(["--test"] if test else []), *options)
        return Key(created["id"], created["key"])

    def revoke(self, key: Key) -> None:
        self.server.do("keys", "revoke", key.id, "--company", self.client_id)

    def client(self, permissions: str = "FULL_ACCESS", *options: str, test: bool = False, **settings: Any) -> ApiClient:
        """A client with a new key."""
        return self.server.client(self.key(permissions, *options, test=test).secret, **settings)

    def send_by(self, *relays: str, sender: str = SENDER, domain: str = "acme.example", connections: int = 10) -> None:
        """Lets the company's live mail go to these relays, from an address of a domain that is vouched for."""
        urls = [part for relay in relays for part in ("--smtp", relay)]
        self.server.do(
            "channels", "email", "set", *urls, "--from", sender, "--connections", str(connections),
            "--company", self.client_id,
        )
        self.server.do("senders", "add", domain, "--trust", "--company", self.client_id)


def template(client: ApiClient, **members: Any) -> str:
    """Creates an active transactional email template and returns its id."""
    body = {
        "name": f"Template {secrets.token_hex(4)}",
        "subject": "Hello {{firstName}}",
        "html": "<p>Hello {{firstName}}</p>",
        "text": "Hello {{firstName}}",
        "category": "transactional",
        "status": "active",
    } | members
    return client.post("/api/templates/email", body).expect(201)["id"]
