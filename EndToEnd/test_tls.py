"""Transport (contract 1.3 to 1.5): TLS versions, HTTP versions, plain HTTP, proxies, hosts."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from minimo import certificates
from minimo.client import RawConnection, request_bytes
from minimo.company import Company
from minimo.server import Server, free_port
from minimo.shapes import assert_common_headers, assert_envelope, assert_json


def context(ca_file: Path, version: ssl.TLSVersion | None = None, *protocols: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(ca_file))
    if version is not None:
        # Versions before 1.2 are below OpenSSL's usual security level.
        made.set_ciphers("DEFAULT@SECLEVEL=0")
        made.minimum_version = made.maximum_version = version
    if protocols:
        made.set_alpn_protocols(list(protocols))
    return made


def handshake(port: int, client: ssl.SSLContext) -> tuple[str | None, str | None]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with client.wrap_socket(connection, server_hostname="127.0.0.1") as secured:
            return secured.version(), secured.selected_alpn_protocol()


@pytest.mark.parametrize(("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
def test_current_tls_is_accepted(server: Server, version: ssl.TLSVersion, name: str) -> None:
    assert handshake(server.port, context(server.ca_file, version))[0] == name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(server: Server, folder: Path) -> None:
    old = ssl.TLSVersion.TLSv1_1
    # First the proof that this client can speak it at all.
    permissive = certificates.server_context(folder)
    permissive.set_ciphers("DEFAULT@SECLEVEL=0")
    permissive.minimum_version = old
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with permissive.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)

        thread = threading.Thread(target=answer)
        thread.start()
        assert handshake(listener.getsockname()[1], context(folder / "certificate.pem", old))[0] == "TLSv1.1"
        thread.join(10)
    with pytest.raises((ssl.SSLError, ConnectionError)) as refused:
        handshake(server.port, context(server.ca_file, old))
    assert "NO_PROTOCOLS_AVAILABLE" not in str(refused.value)


def test_the_certificate_is_for_both_names_and_needs_our_authority(server: Server) -> None:
    for name in ("127.0.0.1", "localhost"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            with context(server.ca_file).wrap_socket(connection, server_hostname=name) as secured:
                assert secured.version()
    with pytest.raises(ssl.SSLCertVerificationError):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            ssl.create_default_context().wrap_socket(connection, server_hostname="127.0.0.1")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), (("h2",), "h2"), ((), None)],
)
def test_alpn(server: Server, offered: tuple[str, ...], chosen: str | None) -> None:
    assert handshake(server.port, context(server.ca_file, None, *offered))[1] == chosen


@pytest.mark.parametrize(("http2", "version"), [(True, "HTTP/2"), (False, "HTTP/1.1")])
def test_both_http_versions_answer_alike(server: Server, key: str, http2: bool, version: str) -> None:
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(server.ca_file)), http1=not http2, http2=http2, base_url=server.base,
        headers={"Authorization": f"Bearer {key}"}, trust_env=False,
    ) as client:
        created = client.post("/v1/contacts", json={"email": f"{version[5]}@example.org", "firstName": "Zoë"})
        assert (created.http_version, created.status_code) == (version, 201), created.text
        assert created.headers["location"].endswith(created.json()["id"])
        missing = client.get("/v1/contacts/cnt_none")
        assert (missing.http_version, missing.status_code) == (version, 404)
        for answer in (created, missing):
            assert answer.headers["strict-transport-security"].startswith("max-age=")
            assert answer.headers["x-request-id"]
        # Many streams or requests on the one connection.
        for _ in range(20):
            assert client.get(f"/v1/contacts/{created.json()['id']}").json() == created.json()


@pytest.mark.parametrize("path", ["/v1/contacts", "/api/messages", "/", "/nowhere"])
def test_every_secure_answer_says_so(server: Server, key: str, path: str) -> None:
    for used in (key, None):
        with server.client(used) as client:
            assert_common_headers(client.get(path))


def test_plain_http_on_the_tls_port_is_refused(server: Server) -> None:
    with RawConnection(server.port, None) as connection:
        connection.send(request_bytes("GET", "/v1/contacts", {}))
        assert_envelope(connection.response(), 403, "https_required", secure=False)


def test_the_plain_port_refuses_everything_and_reads_no_body(installations: Callable[..., Server]) -> None:
    plain = free_port()
    server = installations("--plain-listen", f"127.0.0.1:{plain}").start()
    key = Company.create(server).key(test=True).secret
    forged = {
        "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Ssl": "on",
        "Forwarded": "for=203.0.113.9;proto=https",
    }
    for headers in ({}, {"Authorization": f"Bearer {key}"}, {"Authorization": f"Bearer {key}"} | forged):
        for method, path in (("GET", "/v1/contacts"), ("POST", "/v1/contacts"), ("GET", "/"), ("OPTIONS", "/v1/contacts")):
            with RawConnection(plain, None) as connection:
                # Announced and never sent: an answer shows that nobody waits for it.
                announced = {"Content-Length": "1000000000", "Content-Type": "application/json"} if method == "POST" else {}
                connection.send(request_bytes(method, path, headers | announced))
                answer = connection.response(method)
                assert_envelope(answer, 403, "https_required", secure=False)
                # RFC 6797 section 7.2: never over plain HTTP. And it never redirects.
                assert "Strict-Transport-Security" not in answer.headers
                assert "Location" not in answer.headers
    with server.client(key) as client:
        assert client.get("/v1/contacts").expect(200)["data"] == []
    assert server.stop() == 0


def test_forged_proxy_headers_on_the_tls_port_change_nothing(server: Server, key: str) -> None:
    with server.client(key) as client:
        answer = client.get("/v1/contacts", headers={"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"})
        assert answer.status == 200
        assert_common_headers(answer)


def test_a_trusted_proxy_may_say_that_it_ends_tls(installations: Callable[..., Server]) -> None:
    plain = free_port()
    server = installations("--plain-listen", f"127.0.0.1:{plain}", "--trust-proxy", "127.0.0.0/8").start()
    headers = {"Authorization": f"Bearer {Company.create(server).key(test=True).secret}"}
    with RawConnection(plain, None) as connection:
        connection.send(request_bytes("GET", "/v1/contacts", headers | {"X-Forwarded-Proto": "https"}))
        answer = connection.response()
        assert answer.status == 200, answer.body
        assert_common_headers(answer)
        assert_json(answer)
    for said in ({}, {"X-Forwarded-Proto": "http"}):
        with RawConnection(plain, None) as connection:
            connection.send(request_bytes("GET", "/v1/contacts", headers | said))
            assert_envelope(connection.response(), 403, "https_required", secure=False)
    assert server.stop() == 0


def test_a_path_on_the_wrong_host_is_told_the_right_one(installations: Callable[..., Server]) -> None:
    server = installations("--api-host", "api.acme.example", "--app-host", "app.acme.example").start()
    with server.client(Company.create(server).key(test=True).secret) as client:
        for host, path in (("api.acme.example", "/v1/contacts"), ("app.acme.example", "/api/messages")):
            client.get(path, headers={"Host": host}).expect(200)
        for host, path, right in (
            ("app.acme.example", "/v1/contacts", "https://api.acme.example"),
            ("api.acme.example", "/api/messages", "https://app.acme.example"),
        ):
            answer = client.get(path, headers={"Host": host})
            assert_envelope(answer, 404, "not_found")
            assert right in answer.json["error"]["message"]
        for host in ("other.example", f"127.0.0.1:{server.port}"):
            assert_envelope(client.get("/v1/contacts", headers={"Host": host}), 404, "not_found")
    assert server.stop() == 0
