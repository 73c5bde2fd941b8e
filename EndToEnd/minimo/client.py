"""HTTP clients: one that speaks the API over a kept-alive connection, and one that sends any bytes."""

import http.client
import io
import json
import select
import socket
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

_ABSENT = object()


@dataclass(frozen=True)
class Response:
    """An answer, read whole."""

    method: str
    path: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes = field(repr=False)

    @cached_property
    def json(self) -> Any:
        """The body as JSON; a duplicate member fails."""
        return json.loads(self.body, object_pairs_hook=_without_duplicates)

    def expect(self, *statuses: int) -> Any:
        """The JSON body, if the status is one of these."""
        assert self.status in statuses, f"{self.method} {self.path}: {self.status} {self.body[:2000]!r}"
        return self.json


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"duplicate members in {names}"
    return dict(pairs)


def segment(value: str) -> str:
    """A value as one segment of a path."""
    return quote(value, safe="")


class ApiClient:
    """Speaks HTTP/1.1 over one kept-alive TLS connection that verifies the server by its CA file.

    Not for use by several threads at once. A request is never repeated by itself: only a connection that the server
    has closed meanwhile is opened anew before anything is sent on it.
    """

    def __init__(self, port: int, ca_file: Path, key: str | None = None, host: str = "127.0.0.1", timeout: float = 30):
        self.port = port
        self.ca_file = ca_file
        self.key = key
        self.host = host
        self.timeout = timeout
        self._connection: http.client.HTTPSConnection | None = None

    def __enter__(self) -> "ApiClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def using(self, key: str | None) -> "ApiClient":
        """A further client of the same server with another key."""
        return ApiClient(self.port, self.ca_file, key, self.host, self.timeout)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | list[tuple[str, Any]] | None = None,
        json_body: Any = _ABSENT,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """Sends one request; `json_body` is written as JSON with its content type, `body` as it is without one."""
        sent = {}
        if self.key is not None:
            sent["Authorization"] = f"Bearer {self.key}"
        if json_body is not _ABSENT:
            body = json.dumps(json_body, ensure_ascii=False).encode()
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        target = path + ("?" + urlencode(params) if params else "")
        connection = self._open()
        try:
            connection.request(method, target, body=body, headers=sent)
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return Response(method, target, answer.status, answer.headers, content)

    def get(self, path: str, **options: Any) -> Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json_body: Any = _ABSENT, **options: Any) -> Response:
        return self.request("POST", path, json_body=json_body, **options)

    def put(self, path: str, json_body: Any = _ABSENT, **options: Any) -> Response:
        return self.request("PUT", path, json_body=json_body, **options)

    def patch(self, path: str, json_body: Any = _ABSENT, **options: Any) -> Response:
        return self.request("PATCH", path, json_body=json_body, **options)

    def delete(self, path: str, **options: Any) -> Response:
        return self.request("DELETE", path, **options)

    def _open(self) -> http.client.HTTPSConnection:
        if self._connection is not None and self._connection.sock is not None:
            # Readable without a request under way: the server has closed it.
            if not select.select([self._connection.sock], [], [], 0)[0]:
                return self._connection
            self.close()
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=context)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection


class RawConnection:
    """A connection on which any bytes can be sent, with TLS when a CA file is given."""

    def __init__(self, port: int, ca_file: Path | None, host: str = "127.0.0.1", timeout: float = 15):
        self.socket: socket.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca_file is not None:
            context = ssl.create_default_context(cafile=str(ca_file))
            self.socket = context.wrap_socket(self.socket, server_hostname=host)

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def response(self, method: str = "GET") -> Response:
        """Reads one answer."""
        answer = http.client.HTTPResponse(self.socket, method=method)
        answer.begin()
        content = answer.read()
        return Response(method, "(raw)", answer.status, answer.headers, content)

    def is_readable(self, seconds: float) -> bool:
        """Whether something (or the end) arrives within `seconds`."""
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        return bool(select.select([self.socket], [], [], seconds)[0])

    def read_to_end(self) -> bytes:
        """Everything up to the end of the connection, however it ends."""
        collected = io.BytesIO()
        while True:
            try:
                chunk = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                break
            if not chunk:
                break
            collected.write(chunk)
        return collected.getvalue()


def request_bytes(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as bytes, with a Host header; nothing else is added."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
