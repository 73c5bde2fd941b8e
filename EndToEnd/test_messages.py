"""Sending with a test key (contract 10.4, 5.4) and reading the ledger (10.6)."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from minimo.client import ApiClient
from minimo.company import Company, template
from minimo.ledger import Ledger, statuses
from minimo.load import send, send_all
from minimo.server import Server
from minimo.shapes import MESSAGE, assert_envelope, assert_page, assert_timestamp, assert_validation
from minimo.waiting import wait_until

EVENT = {"id", "type", "at", "data"}


def fresh(local: str = "jane") -> str:
    return f"{local}+{secrets.token_hex(5)}@example.org"


@pytest.fixture(scope="module")
def template_id(server: Server, key: str) -> str:
    with server.client(key) as client:
        return template(client, subject="Hello {{firstName | default: \"you\"}}", html="<p>Hi</p>", text="Hi")


@pytest.fixture
def ledger(api: ApiClient) -> Ledger:
    return Ledger(api)


@pytest.fixture
def workspace(server: Server) -> Iterator[ApiClient]:
    """A client of a workspace without messages."""
    with Company.create(server).client(test=True) as client:
        yield client


@pytest.mark.parametrize("prefix", ["/api", "/v1"])
@pytest.mark.parametrize("name", ["templateId", "uid"])
def test_a_single_send(api: ApiClient, ledger: Ledger, template_id: str, prefix: str, name: str) -> None:
    recipient = fresh()
    body = api.post(
        f"{prefix}/templates/email/send", {name: template_id, "recipient": recipient, "customFields": {"firstName": "Zoë"}}
    ).expect(200)
    assert set(body) == {"status", "id"} and body["status"] == 200 and body["id"].startswith("msg_")
    message = ledger.wait_for_status(body["id"], "delivered")
    assert set(message) == MESSAGE | {"events", "attemptHistory"}, set(message) ^ MESSAGE
    expected = {
        "id": body["id"], "channel": "email", "direction": "outbound", "to": recipient, "subject": "Hello Zoë",
        "templateId": template_id, "campaignId": None, "contactId": None, "category": "transactional", "attempts": 1,
        "failure": None, "tags": [], "metadata": {}, "scheduledAt": None, "openCount": 0, "clickCount": 0,
        "firstOpenedAt": None, "firstClickedAt": None, "resentFrom": None,
    }
    assert {member: message[member] for member in expected} == expected
    times = [assert_timestamp(message[member]) for member in ("createdAt", "sentAt", "deliveredAt")]
    assert times == sorted(times)
    events = message["events"]
    assert all(set(event) == EVENT and event["id"].startswith("evt_") for event in events)
    types = [event["type"] for event in events]
    assert len(types) == len(set(types)) and {"message.queued", "message.delivered"} <= set(types), types
    assert [attempt["outcome"] for attempt in message["attemptHistory"]] in (["accepted"], ["delivered"])


@pytest.mark.parametrize("prefix", ["/api", "/v1"])
def test_both_prefixes_read_alike(api: ApiClient, ledger: Ledger, template_id: str, prefix: str) -> None:
    identifier = send(api, template_id, fresh()).expect(200)["id"]
    ledger.wait_for_status(identifier, "delivered")
    for path in (f"messages/{identifier}", f"messages/{identifier}/content", "messages"):
        assert api.get(f"{prefix}/{path}").expect(200) == api.get(f"/api/{path}").expect(200)


def test_reading_changes_nothing(api: ApiClient, ledger: Ledger, template_id: str) -> None:
    identifier = send(api, template_id, fresh()).expect(200)["id"]
    before = ledger.wait_for_status(identifier, "delivered")
    for _ in range(5):
        assert ledger.one(identifier) == before
        api.get(f"/api/messages/{identifier}/content").expect(200)
    assert ledger.one(identifier) == before


def test_content_is_what_was_sent(api: ApiClient) -> None:
    made = template(api, subject="{{a}}", html="<p>{{a}}</p>", text="{{a}}!")
    identifier = send(api, made, fresh(), customFields={"a": "x & y"}).expect(200)["id"]
    content = {"subject": "x & y", "html": "<p>x &amp; y</p>", "text": "x & y!"}
    assert api.get(f"/api/messages/{identifier}/content").expect(200) == content
    # The version that was accepted stays, whatever happens to the template.
    api.put(f"/api/templates/email/{made}", {"subject": "changed", "html": "changed", "text": "changed"}).expect(200)
    assert api.get(f"/api/messages/{identifier}/content").expect(200) == content
    api.delete(f"/api/templates/email/{made}").expect(200)
    assert api.get(f"/api/messages/{identifier}/content").expect(200) == content
    assert Ledger(api).wait_for_status(identifier, "delivered")["subject"] == "x & y"


def test_an_array_fails_one_by_one(api: ApiClient, ledger: Ledger, template_id: str) -> None:
    needy = template(api, subject="{{need}}")
    elements: list[Any] = [
        {"templateId": template_id, "recipient": fresh()},
        {"templateId": "tmpl_none", "recipient": fresh()},
        {"templateId": template_id, "recipient": "nobody"},
        {"templateId": needy, "recipient": fresh(), "customFields": {"firstName": "x"}},
        {"templateId": template_id, "recipient": fresh(), "nonsense": 1},
        {"uid": template_id, "recipient": fresh()},
        "text",
    ]
    body = api.post("/api/templates/email/send", elements).expect(200)
    assert set(body) == {"status", "data"} and body["status"] == 200 and len(body["data"]) == len(elements)
    codes = [element["error"]["code"] if "error" in element else "ok" for element in body["data"]]
    assert codes == [
        "ok", "template_not_found", "invalid_recipient", "missing_custom_field", "validation_error", "ok", "validation_error",
    ]
    for index, element in enumerate(body["data"]):
        if "error" in element:
            assert set(element) == {"error"}
            assert element["error"]["details"]["field"].startswith(f"[{index}]"), element
        else:
            assert set(element) == {"id"}
            assert ledger.wait_for_status(element["id"], "delivered")["to"] == elements[index]["recipient"]
    assert body["data"][3]["error"]["details"]["missing"] == ["need"]


def test_the_size_of_an_array(workspace: ApiClient) -> None:
    made = template(workspace, subject="x", html="x", text="x")
    most = [{"templateId": made, "recipient": f"r{index}@example.org"} for index in range(501)]
    assert_envelope(workspace.post("/api/templates/email/send", most), 422, "validation_error")
    assert_envelope(workspace.post("/api/templates/email/send", []), 422, "validation_error")
    assert workspace.get("/api/messages").expect(200)["pagination"]["total"] == 0
    data = workspace.post("/api/templates/email/send", most[:500]).expect(200)["data"]
    assert len({element["id"] for element in data}) == 500
    final = Ledger(workspace).wait_for_rest(60)
    assert statuses(final.values()) == {"delivered": 500}
    assert {final[element["id"]]["to"] for element in data} == {element["recipient"] for element in most[:500]}


def test_refusals(api: ApiClient, template_id: str) -> None:
    details = assert_envelope(send(api, "tmpl_none", fresh()), 404, "template_not_found")
    assert details.get("field", "templateId") == "templateId"
    made = template(api, subject="{{one}}", html="{{two}}", text="x")
    details = assert_envelope(send(api, made, fresh(), customFields={"two": 2}), 422, "missing_custom_field")
    assert details["missing"] == ["one"]
    for recipient in ("", "x", "a@", "a b@example.org", "a@example.org, b@example.org"):
        assert_envelope(send(api, template_id, recipient), 422, "invalid_recipient" if recipient else "validation_error")
    for status in ("draft", "archived"):
        api.patch(f"/api/templates/email/{made}", {"status": status}).expect(200)
        assert_envelope(send(api, made, fresh(), customFields={"one": 1, "two": 2}), 409, "invalid_state")
    assert_validation(api.post("/api/templates/email/send", {"recipient": fresh()}), "templateId")
    assert_validation(api.post("/api/templates/email/send", {"templateId": template_id}), "recipient")
    for name, value in (
        ("customFields", []), ("from", "no address"), ("replyTo", 5), ("cc", "x"), ("bcc", ["no address"]), ("headers", ["x"]),
        ("headers", {"From": "x"}), ("headers", {"bad name": "x"}), ("attachments", {}), ("tags", "x"), ("metadata", []),
        ("scheduledAt", "tomorrow"),
    ):
        answer = send(api, template_id, fresh(), **{name: value})
        details = assert_envelope(answer, 422, "validation_error")
        assert details["field"].startswith(name), details


def test_the_contact_of_a_send(api: ApiClient, ledger: Ledger) -> None:
    email = fresh()
    contact = api.post(
        "/v1/contacts", {"email": email, "firstName": "Jane", "customFields": {"Plan": "pro", "seats": 5}}
    ).expect(201)
    made = template(api, subject="{{firstName}} {{plan}} {{SEATS}} {{own}}", html="x", text="x")
    identifier = send(api, made, email.upper(), customFields={"own": "call", "PLAN": "called"}).expect(200)["id"]
    message = ledger.wait_for_status(identifier, "delivered")
    assert (message["contactId"], message["subject"]) == (contact["id"], "Jane called 5 call")
    total = api.get("/v1/contacts").expect(200)["pagination"]["total"]
    stranger = send(api, made, fresh(), customFields={"firstName": "a", "plan": "b", "seats": 1, "own": 2}).expect(200)["id"]
    assert ledger.one(stranger)["contactId"] is None
    assert api.get("/v1/contacts").expect(200)["pagination"]["total"] == total, "a send makes no contact"


def test_tags_and_metadata_are_kept(api: ApiClient, ledger: Ledger, template_id: str) -> None:
    given = {"tags": ["receipt", "è"], "metadata": {"order": 42, "deep": {"a": [1, None]}}}
    identifier = send(api, template_id, fresh(), **given).expect(200)["id"]
    message = ledger.one(identifier)
    assert {name: message[name] for name in given} == given


@pytest.mark.parametrize(
    ("local", "status", "attempts", "event"),
    [
        ("jane", "delivered", 1, "message.delivered"),
        ("bounce", "bounced", 1, "message.bounced"),
        ("softbounce", "delivered", 3, "message.delivered"),
        ("complaint", "complained", 1, "message.complained"),
        ("reject", "failed", 1, "message.failed"),
        ("limit", "delivered", 2, "message.delivered"),
        ("open", "delivered", 1, "message.opened"),
        ("click", "delivered", 1, "message.clicked"),
    ],
)
def test_the_outcomes_of_the_sandbox(
    api: ApiClient, ledger: Ledger, template_id: str, local: str, status: str, attempts: int, event: str
) -> None:
    identifier = send(api, template_id, fresh(local)).expect(200)["id"]
    wait_until(lambda: event in ledger.events(identifier), 30, f"{local}@ has the event {event}", every=0.1)
    message = ledger.wait_for_status(identifier, status)
    assert message["attempts"] == attempts
    if local == "reject":
        assert message["failure"]["permanent"] is True and "5.7.1" in str(message["failure"])
    if local in {"open", "click"}:
        assert message["openCount"] == 1 and message["firstOpenedAt"] is not None
    if local == "click":
        assert message["clickCount"] == 1 and message["firstClickedAt"] is not None


def test_lists_are_paged_and_newest_first(workspace: ApiClient) -> None:
    made = template(workspace, subject="x", html="x", text="x")
    ids = set(send_all(workspace, made, [f"r{index}@example.org" for index in range(130)], clients=5).values())
    ledger = Ledger(workspace)
    assert set(ledger.wait_for_rest(30)) == ids
    rows = assert_page(workspace.get("/api/messages", params={"limit": 100}).expect(200), total=130, totalPages=2)
    rows += assert_page(
        workspace.get("/api/messages", params={"limit": 100, "page": 2}).expect(200), hasNext=False, hasPrevious=True
    )
    assert all(set(row) == MESSAGE for row in rows)
    times = [row["createdAt"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_live_and_test_ledgers_do_not_meet(server: Server) -> None:
    company = Company.create(server)
    with company.client(test=True) as test, company.client() as live:
        identifier = send(test, template(test, subject="x", html="x", text="x"), fresh()).expect(200)["id"]
        assert_envelope(live.get(f"/api/messages/{identifier}"), 404, "not_found")
        assert live.get("/api/messages").expect(200)["pagination"]["total"] == 0
        # A live workspace writes only as a domain that somebody vouches for.
        made = template(live, subject="x", html="x", text="x")
        for options in ({}, {"from": "a@acme.example"}):
            assert_envelope(send(live, made, fresh(), **options), 422, "sender_not_verified")


def test_accepted_means_durable(installations) -> None:
    server = installations().start()
    company = Company.create(server)
    key = company.key(test=True).secret
    with server.client(key) as client:
        made = template(client, subject="x", html="x", text="x")
    for _ in range(3):
        with server.client(key) as client:
            identifier = send(client, made, fresh()).expect(200)["id"]
            server.kill()
        server.start()
        with server.client(key) as client:
            Ledger(client).wait_for_status(identifier, "delivered", 90)
    assert server.stop() == 0
