"""The shapes that the contract fixes, as checks."""

import re
from datetime import datetime, timezone
from typing import Any

from .client import Response

TIMESTAMP = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")

CONTACT = {
    "id", "email", "phone", "firstName", "lastName", "language", "status", "source", "externalId", "tags", "customFields",
    "marketingConsent", "createdAt", "updatedAt",
}
TEMPLATE = {
    "id", "name", "subject", "preheader", "html", "text", "category", "status", "variables", "version", "createdAt",
    "updatedAt",
}
TEMPLATE_IN_LIST = TEMPLATE - {"html", "text"}
MESSAGE = {
    "id", "channel", "direction", "status", "to", "from", "subject", "templateId", "campaignId", "contactId", "category",
    "providerMessageId", "attempts", "failure", "tags", "metadata", "scheduledAt", "createdAt", "sentAt", "deliveredAt",
    "firstOpenedAt", "firstClickedAt", "openCount", "clickCount", "resentFrom",
}
PAGINATION = {"page", "limit", "total", "totalPages", "hasNext", "hasPrevious"}

STRICT_TRANSPORT_SECURITY = re.compile(r"\Amax-age=([1-9]\d+)(;.*)?\Z", re.IGNORECASE)


def assert_common_headers(response: Response) -> None:
    """What every answer over HTTPS carries (contract 1.5, 1.6)."""
    assert response.headers.get("X-Request-Id"), f"{response}: no X-Request-Id"
    security = response.headers.get("Strict-Transport-Security") or ""
    assert STRICT_TRANSPORT_SECURITY.match(security), f"{response}: Strict-Transport-Security {security!r}"


def assert_json(response: Response) -> Any:
    """The body, if it is declared as JSON."""
    content_type = response.headers.get("Content-Type") or ""
    assert content_type.split(";")[0].strip() == "application/json", f"{response}: Content-Type {content_type!r}"
    return response.json


def assert_envelope(response: Response, status: int, code: str, secure: bool = True) -> dict[str, Any]:
    """Exactly the envelope of contract 4.1 with this status and code; returns its `details` (empty when absent)."""
    assert response.status == status, f"{response}: expected {status} {code}, body {response.body[:2000]!r}"
    if secure:
        assert_common_headers(response)
    else:
        assert response.headers.get("X-Request-Id"), f"{response}: no X-Request-Id"
    body = assert_json(response)
    assert set(body) == {"error"}, body
    error = body["error"]
    assert {"code", "message"} <= set(error) <= {"code", "message", "details"}, body
    assert error["code"] == code, body
    assert isinstance(error["message"], str) and error["message"].strip(), body
    if "details" in error:
        assert isinstance(error["details"], dict) and error["details"], body
    return error.get("details", {})


def assert_validation(response: Response, field: str, code: str = "validation_error") -> dict[str, Any]:
    """A 422 that names `field` among its failures (contract 4.2)."""
    details = assert_envelope(response, 422, code)
    fields = {details.get("field")} | {failure["field"] for failure in details.get("errors", [])}
    assert field in fields, f"{field} is not named in {response.body!r}"
    for failure in details.get("errors", []):
        assert set(failure) == {"field", "code", "message", "value"}, failure
    return details


def assert_timestamp(value: Any) -> datetime:
    """A time as contract 3.2 writes it."""
    assert isinstance(value, str) and TIMESTAMP.match(value), value
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def assert_page(body: Any, **expected: Any) -> list[Any]:
    """The rows of a list, if its `pagination` is complete and has these values."""
    assert set(body) == {"data", "pagination"}, body.keys()
    pagination = body["pagination"]
    assert PAGINATION <= set(pagination) <= PAGINATION | {"nextCursor"}, pagination
    assert {name: pagination[name] for name in expected} == expected, pagination
    return body["data"]
