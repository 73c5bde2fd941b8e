"""Every route of the API, as the contract lists them: what the tests that go through all of them read."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Route:
    """A method and a path. `{id}` stands for an id of `kind`; `body` is a valid request."""

    method: str
    path: str
    permissions: frozenset[str]  # any of which is enough
    kind: str | None = None
    body: Any = None
    query: tuple[str, ...] = ()  # the parameters that it takes
    limit: int = 1 << 20  # of the body, in bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def at(self, identifier: str) -> str:
        return self.path.replace("{id}", identifier).replace("{email}", "nobody@example.org")


SENDING_LIMIT = 25 << 20
TEMPLATE_LIMIT = 1 << 20
CONTACT_BODY = {"email": "route@example.org", "firstName": "Route"}
TEMPLATE_BODY = {
    "name": "Route", "subject": "Hello", "html": "<p>Hello</p>", "category": "transactional", "status": "active"
}


def _contacts() -> list[Route]:
    read, write = frozenset({"CONTACTS_READ"}), frozenset({"CONTACTS_WRITE"})
    base = "/v1/contacts"
    return [
        Route("GET", base, read, query=("page", "limit")),
        Route("POST", base, write, body=CONTACT_BODY),
        Route("POST", f"{base}/upsert", write, body=CONTACT_BODY),
        Route("GET", f"{base}/by-email/{{email}}", read),
        Route("GET", f"{base}/{{id}}", read, kind="contact"),
        Route("PUT", f"{base}/{{id}}", write, kind="contact", body={"firstName": "Changed"}),
        Route("PATCH", f"{base}/{{id}}", write, kind="contact", body={"firstName": "Changed"}),
        Route("DELETE", f"{base}/{{id}}", write, kind="contact"),
    ]


def _templates(prefix: str) -> list[Route]:
    read, write = frozenset({"TEMPLATES_READ"}), frozenset({"TEMPLATES_WRITE"})
    base = f"{prefix}/templates/email"
    sending = {"templateId": "tmpl_none", "recipient": "jane@example.org"}
    return [
        Route("GET", base, read, query=("page", "limit")),
        Route("POST", base, write, body=TEMPLATE_BODY, limit=TEMPLATE_LIMIT),
        Route("GET", f"{base}/{{id}}", read, kind="template"),
        Route("PUT", f"{base}/{{id}}", write, kind="template", body={"name": "Changed"}, limit=TEMPLATE_LIMIT),
        Route("PATCH", f"{base}/{{id}}", write, kind="template", body={"name": "Changed"}, limit=TEMPLATE_LIMIT),
        Route("DELETE", f"{base}/{{id}}", write, kind="template"),
        Route("POST", f"{base}/{{id}}/render", read, kind="template", body={"customFields": {}}),
        Route("POST", f"{base}/send", frozenset({"TRANSACTIONAL"}), body=sending, limit=SENDING_LIMIT),
    ]


def _messages(prefix: str) -> list[Route]:
    read = frozenset({"MESSAGES_READ"})
    base = f"{prefix}/messages"
    return [
        Route("GET", base, read, query=("page", "limit")),
        Route("GET", f"{base}/{{id}}", read, kind="message"),
        Route("GET", f"{base}/{{id}}/content", read, kind="message"),
    ]


ROUTES = [
    *_contacts(), *_templates("/api"), *_templates("/v1"), *_messages("/api"), *_messages("/v1"),
]
WITH_BODY = [route for route in ROUTES if route.body is not None]
WITH_ID = [route for route in ROUTES if route.kind is not None]

# A method that no route of the path has, and the methods that Allow must name.
WRONG_METHODS = [
    ("DELETE", "/v1/contacts", {"GET", "HEAD", "POST"}),
    ("POST", "/v1/contacts/{contact}", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
    ("POST", "/v1/contacts/by-email/a@example.org", {"GET", "HEAD"}),
    *[
        wrong
        for prefix in ("/api", "/v1")
        for wrong in (
            ("DELETE", f"{prefix}/templates/email", {"GET", "HEAD", "POST"}),
            ("POST", f"{prefix}/templates/email/{{template}}", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
            ("DELETE", f"{prefix}/templates/email/{{template}}/render", {"POST"}),
            ("DELETE", f"{prefix}/messages", {"GET", "HEAD"}),
            ("DELETE", f"{prefix}/messages/{{message}}", {"GET", "HEAD"}),
            ("DELETE", f"{prefix}/messages/{{message}}/content", {"GET", "HEAD"}),
        )
    ],
]
