"""Contacts (contract 10.1), over the API alone."""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from minimo.client import ApiClient, segment
from minimo.company import Company
from minimo.load import in_parallel
from minimo.server import Server
from minimo.shapes import CONTACT, assert_common_headers, assert_envelope, assert_page, assert_timestamp, assert_validation
from minimo.waiting import wait_until


def fresh(name: str = "p") -> str:
    return f"{name}-{secrets.token_hex(5)}@example.org"


def number() -> str:
    """A phone number that no other test uses; the range is that of Italian mobiles."""
    return f"+39339{secrets.randbelow(10**7):07d}"


def upsert(api: ApiClient, status: int, **members: Any) -> dict[str, Any]:
    contact = api.post("/v1/contacts", members).expect(status)
    assert set(contact) == CONTACT, set(contact) ^ CONTACT
    return contact


@pytest.fixture
def workspace(server: Server) -> Iterator[ApiClient]:
    """A client of a workspace without contacts."""
    with Company.create(server).client(test=True) as client:
        yield client


def test_a_new_contact_has_every_member(api: ApiClient) -> None:
    email, phone = fresh(), number()
    members = {
        "email": email, "phone": phone, "firstName": "Zoë", "lastName": "O'Neil-渡辺 👩‍🚀", "externalId": email,
        "language": "it-IT", "tags": ["vip", "news letter"], "marketingConsent": {"email": True},
        "customFields": {
            "company": "Acme Corp", "big": 9007199254740993, "small": -9223372036854775808, "ratio": 0.1, "nested": {"a": [1, None]}
        },
    }
    answer = api.post("/v1/contacts", members)
    contact = answer.expect(201)
    assert_common_headers(answer)
    assert answer.headers["Location"] == f"/v1/contacts/{contact['id']}"
    assert contact["id"].startswith("cnt_")
    expected = members | {
        "status": "active", "source": "api", "marketingConsent": {"email": True, "whatsapp": None},
    }
    assert {name: contact[name] for name in expected} == expected
    assert assert_timestamp(contact["createdAt"]) <= assert_timestamp(contact["updatedAt"])
    assert set(contact) == CONTACT
    assert api.get(f"/v1/contacts/{contact['id']}").expect(200) == contact
    assert api.get(f"/v1/contacts/by-email/{segment(email)}").expect(200) == contact
    assert api.get(f"/v1/contacts/by-email/{segment(email.upper())}").expect(200) == contact
    assert b"9007199254740993" in api.get(f"/v1/contacts/{contact['id']}").body


def test_members_without_a_value_are_null(api: ApiClient) -> None:
    contact = upsert(api, 201, email=fresh())
    assert [contact[name] for name in ("phone", "firstName", "lastName", "externalId", "language")] == [None] * 5
    assert (contact["tags"], contact["customFields"]) == ([], {})
    assert contact["marketingConsent"] == {"email": None, "whatsapp": None}


@pytest.mark.parametrize("identifier", ["email", "phone", "externalId"])
def test_each_identifier_matches(api: ApiClient, identifier: str) -> None:
    value = {"email": fresh(), "phone": number(), "externalId": secrets.token_hex(8)}[identifier]
    created = upsert(api, 201, **{identifier: value}, firstName="Jane", tags=["a"])
    updated = upsert(api, 200, **{identifier: value}, lastName="Doe")
    assert updated["id"] == created["id"]
    assert (updated["firstName"], updated["lastName"], updated["tags"]) == ("Jane", "Doe", ["a"])
    assert updated["createdAt"] == created["createdAt"]


def test_the_alias_does_the_same(api: ApiClient) -> None:
    email = fresh()
    created = api.post("/v1/contacts/upsert", {"email": email})
    assert created.headers["Location"] == f"/v1/contacts/{created.expect(201)['id']}"
    assert upsert(api, 200, email=email)["id"] == created.json["id"]


def test_email_matches_without_regard_to_case(api: ApiClient) -> None:
    email = fresh("MixedCase")
    created = upsert(api, 201, email=email)
    assert upsert(api, 200, email=email.upper())["id"] == created["id"]


def test_matching_prefers_email_then_phone_then_external_id(api: ApiClient) -> None:
    email, phone, external = fresh(), number(), secrets.token_hex(8)
    by_email = upsert(api, 201, email=email)
    by_external = upsert(api, 201, externalId=external)
    # The email matches; the phone is new and becomes its.
    assert upsert(api, 200, email=email, phone=phone)["id"] == by_email["id"]
    # The phone matches; the email is new and becomes its.
    other = fresh()
    changed = upsert(api, 200, phone=phone, email=other)
    assert (changed["id"], changed["email"]) == (by_email["id"], other)
    # Only the external id matches.
    named = upsert(api, 200, externalId=external, email=fresh())
    assert named["id"] == by_external["id"]


def test_email_and_phone_of_two_contacts_conflict(api: ApiClient) -> None:
    first, second = upsert(api, 201, email=fresh()), upsert(api, 201, phone=number())
    answer = api.post("/v1/contacts", {"email": first["email"], "phone": second["phone"], "firstName": "No"})
    assert_envelope(answer, 409, "duplicate_resource")
    text = answer.body.decode()
    assert first["id"] in text and second["id"] in text
    for contact in (first, second):
        assert api.get(f"/v1/contacts/{contact['id']}").expect(200) == contact


def test_custom_fields_merge_deeply_and_null_removes(api: ApiClient) -> None:
    email = fresh()
    upsert(api, 201, email=email, customFields={"plan": "pro", "address": {"city": "Roma", "zip": "00100"}, "list": [1, 2]})
    merged = upsert(api, 200, email=email, customFields={"plan": None, "address": {"zip": None, "street": "x"}, "list": [3]})
    assert merged["customFields"] == {"address": {"city": "Roma", "street": "x"}, "list": [3]}


def test_tags(api: ApiClient) -> None:
    email = fresh()
    upsert(api, 201, email=email, tags=["a", "b"])
    assert upsert(api, 200, email=email, addTags=["c", "a"])["tags"] == ["a", "b", "c"]
    assert upsert(api, 200, email=email, removeTags=["a", "nothing"])["tags"] == ["b", "c"]
    assert sorted(upsert(api, 200, email=email, addTags=["d"], removeTags=["b"])["tags"]) == ["c", "d"]
    assert upsert(api, 200, email=email, tags=["x"])["tags"] == ["x"]
    assert upsert(api, 200, email=email, tags=[])["tags"] == []
    for both in ({"addTags": ["y"]}, {"removeTags": ["y"]}):
        assert_envelope(api.post("/v1/contacts", {"email": email, "tags": ["x"]} | both), 422, "validation_error")


def test_consent_changes_only_the_channels_it_names(api: ApiClient) -> None:
    email = fresh()
    upsert(api, 201, email=email, marketingConsent={"email": True})
    assert upsert(api, 200, email=email, marketingConsent={"whatsapp": False})["marketingConsent"] == {
        "email": True, "whatsapp": False,
    }
    assert upsert(api, 200, email=email, firstName="x")["marketingConsent"] == {"email": True, "whatsapp": False}


def test_null_clears_a_scalar_and_one_identifier_remains(api: ApiClient) -> None:
    contact = upsert(api, 201, email=fresh(), phone=number(), firstName="Jane")
    where = f"/v1/contacts/{contact['id']}"
    cleared = api.patch(where, {"firstName": None, "phone": None}).expect(200)
    assert (cleared["firstName"], cleared["phone"], cleared["email"]) == (None, None, contact["email"])
    assert_envelope(api.patch(where, {"email": None}), 422, "validation_error")
    assert api.get(where).expect(200) == cleared


@pytest.mark.parametrize("member", ["id", "status", "source", "createdAt", "updatedAt"])
def test_what_we_set_cannot_be_written(api: ApiClient, member: str) -> None:
    contact = upsert(api, 201, email=fresh())
    for answer in (
        api.post("/v1/contacts", {"email": contact["email"], member: contact[member]}),
        api.patch(f"/v1/contacts/{contact['id']}", {member: contact[member]}),
    ):
        assert_validation(answer, member)


@pytest.mark.parametrize(
    "email",
    ["x", "@example.org", "a@", "a b@example.org", "a@example..org", "a@-example.org", "a\r\nb@example.org", "a@b@c.org",
     "a" * 65 + "@example.org", "a@" + "b" * 250 + ".org", "", "<a@example.org>"],
)
def test_bad_emails(api: ApiClient, email: str) -> None:
    details = assert_validation(api.post("/v1/contacts", {"email": email}), "email")
    assert details["value"] == email


@pytest.mark.parametrize("phone", ["3391234567", "+39 339 1234567", "+", "+0123456789", "+1234567890123456", "+39x", ""])
def test_bad_phones(api: ApiClient, phone: str) -> None:
    assert_validation(api.post("/v1/contacts", {"phone": phone}), "phone", "invalid_phone_number")


def test_international_domains(api: ApiClient) -> None:
    local = secrets.token_hex(5)
    created = upsert(api, 201, email=f"{local}@münchen.example")
    # The same domain in its other spelling is the same address.
    assert upsert(api, 200, email=f"{local}@xn--mnchen-3ya.example")["id"] == created["id"]


def test_no_identifier_at_all(api: ApiClient) -> None:
    for body in ({}, {"firstName": "Jane"}, {"email": None}):
        assert_envelope(api.post("/v1/contacts", body), 422, "validation_error")


def test_wrong_types(api: ApiClient) -> None:
    email = fresh()
    for body, field in (
        ({"email": 5}, "email"),
        ({"email": email, "firstName": ["x"]}, "firstName"),
        ({"email": email, "tags": "vip"}, "tags"),
        ({"email": email, "tags": [1]}, None),
        ({"email": email, "customFields": []}, "customFields"),
        ({"email": email, "marketingConsent": {"email": "yes"}}, "marketingConsent.email"),
        ({"email": email, "marketingConsent": {"fax": True}}, "marketingConsent.fax"),
    ):
        answer = api.post("/v1/contacts", body)
        details = assert_envelope(answer, 422, "validation_error")
        if field is not None:
            assert_validation(answer, field)
        else:
            assert details["field"].startswith(("tags", "[0]")), details
    assert_envelope(api.get(f"/v1/contacts/by-email/{segment(email)}"), 404, "not_found")


def test_deleting_and_restoring(api: ApiClient) -> None:
    email = fresh()
    contact = upsert(api, 201, email=email, firstName="Jane")
    where = f"/v1/contacts/{contact['id']}"
    assert api.delete(where).expect(200) == {"id": contact["id"], "deleted": True}
    for gone in (api.delete(where), api.get(where), api.get(f"/v1/contacts/by-email/{segment(email)}")):
        assert_envelope(gone, 404, "not_found")
    restored = upsert(api, 200, email=email, lastName="Doe")
    assert (restored["id"], restored["firstName"], restored["lastName"]) == (contact["id"], "Jane", "Doe")
    assert api.get(where).expect(200) == restored


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_updating(api: ApiClient, method: str) -> None:
    contact = upsert(api, 201, email=fresh(), firstName="Jane", customFields={"a": 1, "b": 2}, tags=["x"])
    where = f"/v1/contacts/{contact['id']}"
    changed = api.request(method, where, json_body={"lastName": "Doe", "customFields": {"a": None}}).expect(200)
    assert changed == contact | {"lastName": "Doe", "customFields": {"b": 2}, "updatedAt": changed["updatedAt"]}
    assert assert_timestamp(changed["updatedAt"]) >= assert_timestamp(contact["updatedAt"])
    api.delete(where).expect(200)
    restored = api.request(method, where, json_body={"lastName": "Again"}).expect(200)
    assert (restored["id"], restored["lastName"], restored["firstName"]) == (contact["id"], "Again", "Jane")
    taken = upsert(api, 201, email=fresh(), phone=number())
    for member in ("email", "phone"):
        details = assert_envelope(
            api.request(method, where, json_body={member: taken[member]}), 409, "duplicate_resource"
        )
        assert (details["field"], details["id"]) == (member, taken["id"])


def test_by_email(api: ApiClient) -> None:
    plus = f"a+b_{secrets.token_hex(4)}@example.org"
    contact = upsert(api, 201, email=plus)
    assert api.get(f"/v1/contacts/by-email/{segment(plus)}").expect(200)["id"] == contact["id"]
    assert api.get(f"/v1/contacts/by-email/{plus}").expect(200)["id"] == contact["id"]
    assert_envelope(api.get(f"/v1/contacts/by-email/{segment(fresh())}"), 404, "not_found")
    for malformed in ("x", "@", "a@", "a%20b@example.org", "%C3%A9"):
        assert_envelope(api.get(f"/v1/contacts/by-email/{malformed}"), 400, "bad_request")


def test_lists_are_paged(workspace: ApiClient) -> None:
    assert assert_page(
        workspace.get("/v1/contacts").expect(200), page=1, limit=25, total=0, totalPages=0, hasNext=False, hasPrevious=False
    ) == []
    made = [upsert(workspace, 201, email=f"c{index}@example.org")["id"] for index in range(60)]
    first = assert_page(
        workspace.get("/v1/contacts").expect(200), page=1, limit=25, total=60, totalPages=3, hasNext=True, hasPrevious=False
    )
    second = assert_page(
        workspace.get("/v1/contacts", params={"page": 2}).expect(200), page=2, total=60, hasNext=True, hasPrevious=True
    )
    third = assert_page(
        workspace.get("/v1/contacts", params={"page": 3, "limit": 25}).expect(200), page=3, hasNext=False, hasPrevious=True
    )
    assert [len(first), len(second), len(third)] == [25, 25, 10]
    rows = first + second + third
    assert all(set(row) == CONTACT for row in rows)
    assert sorted(row["id"] for row in rows) == sorted(made)
    # Newest first; what came within one second may be in any order, but the same in every answer.
    times = [row["createdAt"] for row in rows]
    assert times == sorted(times, reverse=True)
    whole = workspace.get("/v1/contacts", params={"limit": 100}).expect(200)["data"]
    assert whole == rows
    beyond = workspace.get("/v1/contacts", params={"page": 9}).expect(200)
    assert assert_page(beyond, page=9, total=60, totalPages=3, hasNext=False, hasPrevious=True) == []
    workspace.delete(f"/v1/contacts/{made[0]}").expect(200)
    assert workspace.get("/v1/contacts").expect(200)["pagination"]["total"] == 59


def test_head_is_get_without_a_body(api: ApiClient) -> None:
    contact = upsert(api, 201, email=fresh())
    for path in (f"/v1/contacts/{contact['id']}", "/v1/contacts", "/v1/contacts/cnt_none"):
        whole, head = api.get(path), api.request("HEAD", path)
        assert (head.status, head.body) == (whole.status, b"")
        assert_common_headers(head)
        for name in ("Content-Type", "Content-Length"):
            assert head.headers[name] == whole.headers[name], name


def test_live_and_test_do_not_meet(server: Server) -> None:
    company = Company.create(server)
    with company.client(test=True) as test, company.client() as live:
        in_test, in_live = upsert(test, 201, email="a@example.org"), upsert(live, 201, email="a@example.org")
        assert in_test["id"] != in_live["id"]
        for client, other in ((test, in_live), (live, in_test)):
            assert_envelope(client.get(f"/v1/contacts/{other['id']}"), 404, "not_found")
            assert client.get("/v1/contacts").expect(200)["pagination"]["total"] == 1


def test_twenty_clients_make_one_contact(api: ApiClient) -> None:
    for _ in range(5):
        email = fresh()
        answers = in_parallel(
            range(20), [api.using(api.key) for _ in range(20)],
            lambda client, index: client.post("/v1/contacts", {"email": email, "customFields": {f"k{index}": index}}),
        )
        assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
        assert len({answer.json["id"] for answer in answers}) == 1
        final = api.get(f"/v1/contacts/by-email/{segment(email)}").expect(200)
        assert final["customFields"] == {f"k{index}": index for index in range(20)}


def test_updated_at_moves(api: ApiClient) -> None:
    contact = upsert(api, 201, email=fresh())
    begin = int(time.time())
    wait_until(lambda: int(time.time()) > begin, 3, "a second has passed", every=0.1)
    changed = upsert(api, 200, email=contact["email"], firstName="Later")
    assert changed["updatedAt"] > contact["updatedAt"] and changed["createdAt"] == contact["createdAt"]


def test_contacts_survive_a_crash(installations) -> None:
    server = installations().start()
    key = Company.create(server).key(test=True).secret
    with server.client(key) as client:
        contact = upsert(client, 201, email="stay@example.org")
    server.kill()
    server.start()
    with server.client(key) as client:
        assert client.get(f"/v1/contacts/{contact['id']}").expect(200) == contact
    assert server.stop() == 0
