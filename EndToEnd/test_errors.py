"""Every error that a client can provoke, route by route, has the envelope of contract §4 and the headers of §1."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from minimo.client import ApiClient, RawConnection, Response, request_bytes
from minimo.company import Company, template
from minimo.load import send
from minimo.routes import ROUTES, WITH_BODY, WITH_ID, WRONG_METHODS, Route
from minimo.server import Server
from minimo.shapes import assert_common_headers, assert_envelope, assert_validation
from minimo.waiting import wait_until

MALFORMED_IDS = ["x", "cnt_", "tmpl_!", "msg_%00", "%F0%9F%98%80", "cnt_" + "0" * 300, "..%2F..%2Fetc", "-1", "1"]
UNKNOWN_KEYS = [
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer mn-test",
    "Bearer mn-test-acme-0000000000000000000000000000000000000000",
    "Bearer mn-acme-0000000000000000000000000000000000000000",
    "Bearer mn-test-" + "a" * 4000,
    "Basic bWlubzptaW5pbW8=",
    "mn-test-acme-0000000000000000000000000000000000000000",
]


@dataclass(frozen=True)
class Owner:
    """A workspace with one resource of each kind."""

    key: str
    ids: dict[str, str]


def furnish(company: Company, test: bool) -> Owner:
    key = company.key(test=test).secret
    with company.server.client(key) as client:
        contact = client.post("/v1/contacts", {"email": "owner@example.org"}).expect(201)["id"]
        template_id = template(client, subject="Hello", html="<p>Hello</p>", text="Hello")
        message = send(client, template_id, "owner@example.org").expect(200)["id"]
    return Owner(key, {"contact": contact, "template": template_id, "message": message})


@pytest.fixture(scope="module")
def owner(company: Company) -> Owner:
    return furnish(company, test=True)


@pytest.fixture
def api(server: Server, owner: Owner) -> Iterator[ApiClient]:
    with server.client(owner.key) as client:
        yield client


@pytest.fixture(scope="module")
def powerless(company: Company) -> str:
    """A key that may do nothing that the routes need."""
    return company.key("WEBHOOKS_READ", test=True).secret


def identifier(route: Route, owner: Owner) -> str:
    return owner.ids[route.kind] if route.kind else ""


def ask(client: ApiClient, route: Route, where: str, **options) -> Response:
    if route.body is not None and "body" not in options and "json_body" not in options:
        options["json_body"] = route.body
    return client.request(route.method, where, **options)


def by_name(route: Route) -> str:
    return str(route)


# Keys (5.1 to 5.3)


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_no_key(server: Server, owner: Owner, route: Route) -> None:
    with server.client() as client:
        answer = ask(client, route, route.at(identifier(route, owner)))
        assert_envelope(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_bad_keys_all_get_the_same_answer(server: Server, owner: Owner, route: Route) -> None:
    wrong_end = owner.key[:-1] + ("0" if owner.key[-1] != "0" else "1")
    live = owner.key.replace("mn-test-", "mn-", 1)
    bodies = set()
    with server.client() as client:
        for value in [*UNKNOWN_KEYS, f"Bearer {wrong_end}", f"Bearer {live}", f"Bearer {owner.key}x"]:
            answer = ask(client, route, route.at(identifier(route, owner)), headers={"Authorization": value})
            assert_envelope(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            bodies.add(answer.body)
        bodies.add(ask(client, route, route.at(identifier(route, owner))).body)
    assert len(bodies) == 1, bodies


def test_an_expired_key(server: Server, company: Company) -> None:
    begin = time.monotonic()
    key = company.key("FULL_ACCESS", "--expires", "4s", test=True).secret
    with server.client(key) as client:
        client.get("/v1/contacts").expect(200)
        wait_until(lambda: client.get("/v1/contacts").status == 401, 8, "the key has expired", every=0.1)
        # Its end is cut to the whole second.
        assert time.monotonic() - begin >= 2.9, "it expired too early"
        for route in ROUTES:
            assert_envelope(ask(client, route, route.at("x")), 401, "unauthorized")


def test_a_revoked_key_ends_within_two_seconds(server: Server, company: Company) -> None:
    key = company.key(test=True)
    with server.client(key.secret) as client:
        client.get("/v1/contacts").expect(200)
        company.revoke(key)
        wait_until(lambda: client.get("/v1/contacts").status == 401, 2, "the key is revoked", every=0.02)
        for route in ROUTES:
            assert_envelope(ask(client, route, route.at("x")), 401, "unauthorized")


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_a_missing_permission(server: Server, owner: Owner, powerless: str, route: Route) -> None:
    with server.client(powerless) as client:
        details = assert_envelope(ask(client, route, route.at(identifier(route, owner))), 403, "forbidden")
        assert details["permission"] in route.permissions, details


def test_each_permission_opens_its_routes_and_no_others(server: Server, company: Company) -> None:
    for permission in sorted({name for route in ROUTES for name in route.permissions}):
        with company.client(permission, test=True) as client:
            for route in ROUTES:
                answer = ask(client, route, route.at("x"))
                assert (answer.status != 403) == (permission in route.permissions), (permission, route, answer)


# Paths and methods (3.3, 3.4)


@pytest.mark.parametrize(("method", "path", "allowed"), WRONG_METHODS, ids=lambda value: str(value))
def test_a_wrong_method(api: ApiClient, owner: Owner, method: str, path: str, allowed: set[str]) -> None:
    answer = api.request(method, path.format_map(owner.ids))
    assert_envelope(answer, 405, "method_not_allowed")
    assert {name.strip() for name in answer.headers["Allow"].split(",")} - {"OPTIONS"} == allowed


def test_unknown_methods_have_the_envelope_too(server: Server, owner: Owner) -> None:
    for method in ("PROPFIND", "TRACE", "LINK"):
        with RawConnection(server.port, server.ca_file) as connection:
            connection.send(request_bytes(method, "/v1/contacts", {"Authorization": f"Bearer {owner.key}"}))
            assert_envelope(connection.response(method), 405, "method_not_allowed")


@pytest.mark.parametrize("prefix", ["/v1", "/api", "/public/v1"])
def test_an_unknown_path_under_a_prefix(server: Server, api: ApiClient, prefix: str) -> None:
    for path in (f"{prefix}/nothing", f"{prefix}/contacts/x/y/z", f"{prefix}/%00"):
        assert_envelope(api.get(path), 404, "not_found")
        with server.client() as client:
            assert_envelope(client.get(path), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/nothing", "/", "/v2/contacts", "/favicon.ico"])
def test_an_unknown_path_elsewhere(server: Server, api: ApiClient, path: str) -> None:
    assert_envelope(api.get(path), 404, "not_found")
    with server.client() as client:
        assert_envelope(client.get(path), 404, "not_found")


@pytest.mark.parametrize("route", WITH_ID, ids=by_name)
def test_malformed_ids(api: ApiClient, owner: Owner, route: Route) -> None:
    other_kinds = [owner.ids[kind] for kind in owner.ids if kind != route.kind]
    changed = owner.ids[route.kind or ""]
    changed = changed[:-1] + ("a" if changed[-1] != "a" else "b")
    for malformed in [*MALFORMED_IDS, *other_kinds, changed, changed + "x"]:
        assert_envelope(ask(api, route, route.path.replace("{id}", malformed)), 404, "not_found")


# A write to a deleted contact restores it: see test_contacts.
NOT_RESTORING = [
    route for route in WITH_ID
    if route.kind == "template" or (route.kind == "contact" and route.method not in {"PUT", "PATCH"})
]


@pytest.mark.parametrize("route", NOT_RESTORING, ids=by_name)
def test_the_id_of_something_deleted(api: ApiClient, route: Route) -> None:
    if route.kind == "contact":
        gone = api.post("/v1/contacts", {"email": f"gone-{route.method}@example.org"}).expect(200, 201)["id"]
        api.delete(f"/v1/contacts/{gone}").expect(200)
    else:
        gone = template(api)
        api.delete(f"/v1/templates/email/{gone}").expect(200)
    assert_envelope(ask(api, route, route.at(gone)), 404, "not_found")


@pytest.mark.parametrize("route", WITH_ID, ids=by_name)
def test_ids_of_others_do_not_exist(server: Server, owner: Owner, strangers: list[str], route: Route) -> None:
    for key in strangers:
        with server.client(key) as client:
            assert_envelope(ask(client, route, route.at(identifier(route, owner))), 404, "not_found")
    with server.client(owner.key) as client:
        where = {"contact": "/v1/contacts", "template": "/v1/templates/email", "message": "/v1/messages"}[route.kind or ""]
        client.get(f"{where}/{identifier(route, owner)}").expect(200)


@pytest.fixture(scope="module")
def strangers(server: Server, company: Company) -> list[str]:
    """Keys of another company, both modes, and of the same company's live workspace."""
    other = Company.create(server)
    return [other.key(test=True).secret, other.key().secret, company.key().secret]


@pytest.mark.parametrize("prefix", ["/api", "/v1"])
def test_sending_a_template_of_others(server: Server, owner: Owner, strangers: list[str], prefix: str) -> None:
    for key in strangers:
        with server.client(key) as client:
            body = {"templateId": owner.ids["template"], "recipient": "x@example.org"}
            assert_envelope(client.post(f"{prefix}/templates/email/send", body), 404, "template_not_found")


# Bodies (2.1 to 2.3)


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"])
def test_a_wrong_content_type(api: ApiClient, owner: Owner, route: Route, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    body = json.dumps(route.body).encode()
    assert_envelope(ask(api, route, route.at(identifier(route, owner)), body=body, headers=headers), 400, "bad_request")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"])
def test_parameters_and_case_of_the_content_type(api: ApiClient, content_type: str) -> None:
    body = json.dumps({"email": "type@example.org"}).encode()
    api.request("POST", "/v1/contacts", body=body, headers={"Content-Type": content_type}).expect(200, 201)


BROKEN = [
    (b'{"a" 1}', 5),
    (b"{x}", 1),
    (b'{"a":01}', None),
    (b'{"a":1,}', 7),
    (b'{"a":nul}', None),
    ('{"é":1} x'.encode(), 9),
    (b'{"a":"\xff"}', 6),
    (b'{"a":"\t"}', 6),
    (b'{"a":"\\x"}', None),
    (b'{"a":"\\ud800"}', None),
    (b"[1,2", 4),
    (b'{"a":1', 6),
    (b"", 0),
    (b"   ", None),
    (b"\xef\xbb\xbf{}", 0),
    (b"NaN", 0),
    (b"{'a':1}", 1),
]


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_broken_json_is_located(api: ApiClient, owner: Owner, route: Route) -> None:
    for body, offset in BROKEN:
        answer = ask(
            api, route, route.at(identifier(route, owner)), body=body, headers={"Content-Type": "application/json"}
        )
        details = assert_envelope(answer, 400, "bad_request")
        found = details.get("offset")
        assert isinstance(found, int) and 0 <= found <= len(body), (body, details)
        assert offset is None or found == offset, (body, details)


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_a_duplicate_member(api: ApiClient, owner: Owner, route: Route) -> None:
    for body in (b'{"name":"a","name":"b"}', b'{"customFields":{"a":1,"\\u0061":2}}'):
        answer = ask(
            api, route, route.at(identifier(route, owner)), body=body, headers={"Content-Type": "application/json"}
        )
        details = assert_envelope(answer, 400, "bad_request")
        assert isinstance(details["offset"], int) and 0 < details["offset"] <= len(body), details


def nested(depth: int) -> bytes:
    """A contact whose JSON is as deep as this, counting the outermost value as 1."""
    inner = depth - 2
    return b'{"email":"deep@example.org","customFields":{"a":' + b"[" * inner + b"]" * inner + b"}}"


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_deep_json(api: ApiClient, owner: Owner, route: Route) -> None:
    for body in (nested(33), b"[" * 100_000):
        answer = ask(
            api, route, route.at(identifier(route, owner)), body=body, headers={"Content-Type": "application/json"}
        )
        assert_envelope(answer, 400, "bad_request")


def test_json_as_deep_as_allowed(api: ApiClient) -> None:
    headers = {"Content-Type": "application/json"}
    api.request("POST", "/v1/contacts", body=nested(32), headers=headers).expect(200, 201)


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_a_body_that_is_not_an_object(api: ApiClient, owner: Owner, route: Route) -> None:
    for value in ("text", 42, None, True):
        answer = ask(api, route, route.at(identifier(route, owner)), json_body=value)
        assert_envelope(answer, 422, "validation_error")


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_an_announced_oversize_body_is_refused_before_it_comes(server: Server, owner: Owner, route: Route) -> None:
    headers = {
        "Authorization": f"Bearer {owner.key}", "Content-Type": "application/json",
        "Content-Length": str(route.limit + 1),
    }
    with RawConnection(server.port, server.ca_file) as connection:
        connection.send(request_bytes(route.method, route.at(identifier(route, owner)), headers, b'{"email":"'))
        assert_envelope(connection.response(route.method), 413, "payload_too_large")


def test_an_unannounced_oversize_body_is_refused_on_the_way(server: Server, owner: Owner) -> None:
    headers = {
        "Authorization": f"Bearer {owner.key}", "Content-Type": "application/json", "Transfer-Encoding": "chunked",
    }
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with RawConnection(server.port, server.ca_file) as connection:
        connection.send(request_bytes("POST", "/v1/contacts", headers))
        sent = 0
        # Far less than a second of sending; the answer comes without the body's end.
        while sent < (64 << 20) and not connection.is_readable(0):
            try:
                connection.send(chunk)
            except OSError:
                break
            sent += 65536
        assert_envelope(connection.response("POST"), 413, "payload_too_large")
        assert 1 << 20 <= sent < 64 << 20, sent


def test_a_body_of_exactly_the_limit(api: ApiClient) -> None:
    body = b'{"email":"limit@example.org"}'
    headers = {"Content-Type": "application/json"}
    api.request("POST", "/v1/contacts", body=body + b" " * ((1 << 20) - len(body)), headers=headers).expect(200, 201)
    over = api.request("POST", "/v1/contacts", body=body + b" " * ((1 << 20) + 1 - len(body)), headers=headers)
    assert_envelope(over, 413, "payload_too_large")


@pytest.mark.parametrize("route", WITH_BODY, ids=by_name)
def test_an_unknown_member(api: ApiClient, owner: Owner, route: Route) -> None:
    body = route.body | {"nonsense": 1}
    answer = ask(api, route, route.at(identifier(route, owner)), json_body=body)
    details = assert_validation(answer, "nonsense")
    assert "nonsense" in answer.json["error"]["message"] or details["field"] == "nonsense"


def test_all_failures_are_named_at_once(api: ApiClient) -> None:
    answer = api.post("/v1/contacts", {"email": "no address", "firstName": 5, "nonsense": True})
    details = assert_envelope(answer, 422, "validation_error")
    assert {failure["field"] for failure in details["errors"]} == {"email", "firstName", "nonsense"}, details
    values = {failure["field"]: failure["value"] for failure in details["errors"]}
    assert values["email"] == "no address" and values["firstName"] == 5


def test_offending_values_are_cut(api: ApiClient) -> None:
    details = assert_validation(api.post("/v1/contacts", {"email": "é" * 1000}), "email")
    assert len(details["value"]) <= 256 + len("…") and details["value"].startswith("é" * 100)


# Queries (2.4, 6.1)


@pytest.mark.parametrize("route", ROUTES, ids=by_name)
def test_an_unknown_query_parameter(api: ApiClient, owner: Owner, route: Route) -> None:
    answer = ask(api, route, route.at(identifier(route, owner)), params={"nonsense": "1"})
    details = assert_envelope(answer, 400, "bad_request")
    assert "nonsense" in json.dumps(answer.json), details


@pytest.mark.parametrize("route", [route for route in ROUTES if "page" in route.query], ids=by_name)
@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page=", "limit=0", "limit=101", "limit=1.5", "limit=99999999999999999999"]
)
def test_a_bad_page_or_limit(api: ApiClient, route: Route, query: str) -> None:
    assert_envelope(api.get(f"{route.path}?{query}"), 400, "bad_request")


# What the framework would answer by itself (4.1), and request ids (1.6)


def test_what_is_not_http_gets_no_page_of_a_framework(server: Server) -> None:
    for sent in (
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/contacts HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    ):
        with RawConnection(server.port, server.ca_file) as connection:
            connection.send(sent)
            answer = connection.read_to_end()
            head, _, body = answer.partition(b"\r\n\r\n")
            # Either the connection just ends, or the answer looks like every other.
            if answer:
                assert head.startswith(b"HTTP/1.1 400"), answer[:200]
                assert json.loads(body)["error"]["code"] == "bad_request", answer


def test_a_header_without_end_is_refused(server: Server) -> None:
    with RawConnection(server.port, server.ca_file) as connection:
        connection.send(b"GET /v1/contacts HTTP/1.1\r\nHost: x\r\n")
        try:
            for _ in range(64):
                if connection.is_readable(0):
                    break
                connection.send(b"X-Filler: " + b"a" * 16384 + b"\r\n")
        except OSError:
            return
        assert connection.is_readable(10), "a megabyte of header fields was swallowed without a word"


def test_the_caller_may_choose_the_request_id(api: ApiClient) -> None:
    for path in ("/v1/contacts", "/v1/contacts/cnt_none", "/nowhere"):
        assert api.get(path, headers={"X-Request-Id": "my-id.1_2"}).headers["X-Request-Id"] == "my-id.1_2"
    made = set()
    for insane in ("", " ", "a" * 1000, "a b c", 'quote"', "<script>"):
        answer = api.get("/v1/contacts", headers={"X-Request-Id": insane})
        assert_common_headers(answer)
        assert answer.headers["X-Request-Id"] != insane
        made.add(answer.headers["X-Request-Id"])
    assert len(made) == 6, made


def test_errors_reach_every_kind_of_client(server: Server, owner: Owner) -> None:
    """An error leaves the connection usable: the next request on it is answered."""
    with server.client(owner.key) as client:
        for _ in range(3):
            assert_envelope(client.get("/v1/contacts/cnt_none"), 404, "not_found")
            assert_envelope(client.post("/v1/contacts", {"nonsense": 1}), 422, "validation_error")
            client.get("/v1/contacts").expect(200)


def test_secrets_are_not_logged(server: Server, owner: Owner) -> None:
    with server.client(owner.key) as client:
        client.get("/v1/contacts").expect(200)
        client.post("/v1/contacts", {"email": "secret-person@example.org"}).expect(200, 201)
        client.get("/v1/contacts/by-email/secret-person@example.org").expect(200)
    assert owner.key not in server.log
    assert owner.key.rsplit("-", 1)[1] not in server.log
    assert "secret-person" not in server.log
