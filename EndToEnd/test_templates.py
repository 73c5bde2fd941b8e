"""Email templates (contract 10.3), under both prefixes."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from minimo.client import ApiClient
from minimo.company import Company, template
from minimo.server import Server
from minimo.shapes import TEMPLATE, TEMPLATE_IN_LIST, assert_envelope, assert_page, assert_timestamp, assert_validation

PREFIXES = pytest.mark.parametrize("prefix", ["/api/templates/email", "/v1/templates/email"])


@pytest.fixture
def workspace(server: Server) -> Iterator[ApiClient]:
    """A client of a workspace without templates."""
    with Company.create(server).client(test=True) as client:
        yield client


def render(api: ApiClient, template_id: str, values: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    body = ({"customFields": values} if values is not None else {}) | more
    rendered = api.post(f"/api/templates/email/{template_id}/render", body).expect(200)
    assert set(rendered) == {"subject", "html", "text", "missing"}
    return rendered


def text_of(api: ApiClient, source: str, values: dict[str, Any]) -> str:
    """What a template with this text renders to."""
    return render(api, template(api, text=source, html=None, subject="x"), values)["text"]


@PREFIXES
def test_create_get_update_delete(api: ApiClient, prefix: str) -> None:
    members = {
        "name": "Welcome", "subject": "Welcome, {{firstName}}", "preheader": "Good to see you", "category": "marketing",
        "html": "<p>{{firstName}} {{order.id}} {{#items}}<li>{{name}}</li>{{/items}}</p>", "text": "{{ firstName }} {{COMPANY}}",
        "status": "draft",
    }
    answer = api.post(prefix, members)
    made = answer.expect(201)
    where = f"{prefix}/{made['id']}"
    assert answer.headers["Location"] == where
    assert made["id"].startswith("tmpl_") and set(made) == TEMPLATE, set(made) ^ TEMPLATE
    assert {name: made[name] for name in members} == members
    assert made["version"] == 1
    assert {"firstName", "COMPANY"} <= set(made["variables"]), made["variables"]
    assert_timestamp(made["createdAt"])
    for other in ("/api/templates/email", "/v1/templates/email"):
        assert api.get(f"{other}/{made['id']}").expect(200) == made

    changed = api.patch(where, {"status": "active"}).expect(200)
    assert changed == made | {"status": "active", "updatedAt": changed["updatedAt"]}
    rewritten = api.put(where, {"text": "plain", "preheader": None}).expect(200)
    assert (rewritten["version"], rewritten["text"], rewritten["preheader"], rewritten["html"]) == (
        2, "plain", None, members["html"],
    )
    assert "COMPANY" not in rewritten["variables"]

    assert api.delete(where).expect(200) == {"id": made["id"], "deleted": True}
    for gone in (api.get(where), api.delete(where), api.put(where, {"name": "x"})):
        assert_envelope(gone, 404, "not_found")


def test_lists_omit_the_bodies(workspace: ApiClient) -> None:
    made = [template(workspace, name=f"Template {index}") for index in range(7)]
    rows = assert_page(
        workspace.get("/api/templates/email", params={"limit": 5}).expect(200), total=7, totalPages=2, hasNext=True
    )
    rows += assert_page(workspace.get("/v1/templates/email", params={"limit": 5, "page": 2}).expect(200), hasNext=False)
    assert sorted(row["id"] for row in rows) == sorted(made)
    assert all(set(row) == TEMPLATE_IN_LIST for row in rows)
    workspace.delete(f"/v1/templates/email/{made[0]}").expect(200)
    assert workspace.get("/v1/templates/email").expect(200)["pagination"]["total"] == 6


@PREFIXES
def test_what_a_template_needs(api: ApiClient, prefix: str) -> None:
    whole = {"name": "x", "subject": "x", "html": "x"}
    api.post(prefix, whole).expect(201)
    for name in ("name", "subject"):
        assert_validation(api.post(prefix, {key: value for key, value in whole.items() if key != name}), name)
        assert_validation(api.post(prefix, whole | {name: ""}), name)
    assert_envelope(api.post(prefix, {"name": "x", "subject": "x"}), 422, "validation_error")
    for name, value in (("category", "spam"), ("status", "sent"), ("html", 5), ("subject", "a\r\nBcc: x@example.org")):
        assert_validation(api.post(prefix, whole | {name: value}), name)
    for name in ("id", "version", "variables", "createdAt"):
        assert_validation(api.post(prefix, whole | {name: "x"}), name)


SYNTAX_ERRORS = [
    ("{{", 1, 1),
    ("hello\n  {{#items}} never closed", 2, 3),
    ("one\ntwo {{/items}}", 2, 5),
    ("{{ > partial }}", 1, None),
    ("a {{name | nofilter}}", 1, None),
    ("{{name | default: \"open}}", 1, None),
    ("{{{name}}", 1, None),
]


@pytest.mark.parametrize(
    ("part", "source", "line", "column"),
    [
        (part, *error) for part in ("html", "text", "subject") for error in SYNTAX_ERRORS
        # A subject has one line.
        if part != "subject" or error[1] == 1
    ],
)
def test_syntax_errors_are_located(api: ApiClient, part: str, source: str, line: int, column: int | None) -> None:
    body = {"name": "x", "subject": "x", "html": "x", "text": "x"} | {part: source}
    details = assert_validation(api.post("/api/templates/email", body), part)
    assert details["line"] == line, details
    assert isinstance(details["column"], int) and details["column"] >= 1
    assert column is None or details["column"] == column, details


def test_escaping(api: ApiClient) -> None:
    made = template(api, subject="{{v}}", html="<p>{{v}}|{{{v}}}</p>", text="{{v}}|{{{v}}}")
    assert render(api, made, {"v": "<b>\"Tom & 'Jerry'\"</b>"}) | {"html": None} == {
        "subject": "<b>\"Tom & 'Jerry'\"</b>", "html": None, "missing": [],
        "text": "<b>\"Tom & 'Jerry'\"</b>|<b>\"Tom & 'Jerry'\"</b>",
    }
    html = render(api, made, {"v": "<b>&\"</b>"})["html"]
    escaped, raw = html.removeprefix("<p>").removesuffix("</p>").split("|")
    assert raw == "<b>&\"</b>"
    assert "<" not in escaped and ">" not in escaped and "&amp;" in escaped and '"' not in escaped


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("{{a.b.c}}", {"a": {"b": {"c": "deep"}}}, "deep"),
        ("{{#items}}[{{name}}]{{/items}}", {"items": [{"name": "x"}, {"name": "y"}]}, "[x][y]"),
        ("{{#list}}{{.}},{{/list}}", {"list": [1, 2]}, "1,2,"),
        ("{{^items}}none{{/items}}{{#items}}some{{/items}}", {"items": []}, "none"),
        ("{{#yes}}a{{/yes}}{{#no}}b{{/no}}", {"yes": True, "no": False}, "a"),
        ("a{{! a comment }}b", {}, "ab"),
        ('{{name | default: "there"}}', {}, "there"),
        ('{{name | default: "there"}}', {"name": "Zoë"}, "Zoë"),
        ("{{name | upper}} {{name | lower}}", {"name": "Zoë"}, "ZOË zoë"),
        ('{{day | date: "d MMMM yyyy"}}', {"day": "2025-11-03T10:30:00Z"}, "3 November 2025"),
        ("{{price | number: 2}}", {"price": 1234.5}, None),
        ("{{NAME}} {{Name}}", {"name": "x", "Name": "exact"}, "x exact"),
        ("{{a}}", {"a": "{{b}}", "b": "never"}, "{{b}}"),
        ("{{n}} {{x}} {{t}}", {"n": 9007199254740993, "x": 0.1, "t": True}, "9007199254740993 0.1 true"),
    ],
)
def test_the_language(api: ApiClient, source: str, values: dict[str, Any], expected: str | None) -> None:
    rendered = text_of(api, source, values)
    if expected is None:
        assert "234" in rendered and rendered.endswith("50"), rendered
    elif source.startswith("{{NAME}}"):
        # Names match exactly first, then without regard to case: either of the two for NAME.
        assert rendered in {"x exact", "exact exact"}
    else:
        assert rendered == expected


def test_missing_values_are_listed(api: ApiClient) -> None:
    made = template(
        api, subject="{{one}}", html="{{two}} {{one}} {{three | default: \"3\"}}", text="{{four}}", preheader="{{five}}"
    )
    assert sorted(render(api, made, {"four": "4"})["missing"]) == ["five", "one", "two"]
    assert render(api, made, {"one": "1", "two": "2", "four": "4", "five": "5"})["missing"] == []


def test_a_contact_fills_what_the_call_does_not(api: ApiClient) -> None:
    email = f"{secrets.token_hex(5)}@example.org"
    contact = api.post(
        "/v1/contacts", {"email": email, "firstName": "Jane", "lastName": "Doe", "customFields": {"plan": "pro"}}
    ).expect(201)
    made = template(api, subject="{{firstName}} {{lastName}}", html="{{email}}", text="{{PLAN}}")
    rendered = render(api, made, {"lastName": "Called"}, contactId=contact["id"])
    assert rendered == {"subject": "Jane Called", "html": email, "text": "pro", "missing": []}
    assert_envelope(
        api.post(f"/api/templates/email/{made}/render", {"contactId": "cnt_none"}), 404, "not_found"
    )


def test_rendering_is_bounded(api: ApiClient) -> None:
    made = template(api, subject="x", html="{{#a}}{{#a}}{{#a}}{{big}}{{/a}}{{/a}}{{/a}}", text="x")
    answer = api.post(
        f"/api/templates/email/{made}/render", {"customFields": {"a": [0] * 100, "big": "x" * 10_000}}
    )
    assert_envelope(answer, 422, "validation_error")
