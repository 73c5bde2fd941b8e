"""SIGTERM ends the server well: what has begun is finished, what comes new is told so, and nothing is left behind."""

import http.client
import json
import signal
import ssl
import threading
from collections.abc import Callable

import pytest

from minimo.client import RawConnection, Response, request_bytes
from minimo.company import Company, template
from minimo.ledger import Ledger, statuses
from minimo.load import send_all
from minimo.relay import Relay, Stage, Stall, Wait
from minimo.server import Server, free_port, run
from minimo.shapes import assert_envelope
from minimo.waiting import wait_until


# What takes long and has nothing to do with the database.
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def half_a_request(server: Server, key: str, email: str) -> tuple[RawConnection, bytes]:
    """A request whose head and first half have been sent, and the rest of it."""
    body = json.dumps({"email": email, "firstName": "x" * 200}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Content-Length": str(len(body))}
    connection = RawConnection(server.port, server.ca_file, timeout=30)
    connection.send(request_bytes("POST", "/v1/contacts", headers, body[:50]))
    return connection, body[50:]


def newcomer(server: Server, key: str) -> Response | None:
    """What a new client meets: an answer, or None when the connection is refused or ends without one."""
    try:
        with server.client(key, timeout=5) as client:
            return client.get("/v1/contacts")
    except (OSError, http.client.HTTPException):
        return None


def test_requests_in_flight_finish(installations: Callable[..., Server]) -> None:
    server = installations().start()
    key = Company.create(server).key(test=True).secret
    begun = [half_a_request(server, key, f"inflight{index}@example.org") for index in range(5)]
    # Whole requests on the same listener show that the server has had time to read the halves.
    with server.client(key) as idle:
        for _ in range(20):
            idle.get("/v1/contacts").expect(200)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)

        def turned_away() -> bool:
            answer = newcomer(server, key)
            if answer is None:
                return True
            if answer.status == 503:
                assert_envelope(answer, 503, "service_unavailable")
                assert int(answer.headers["Retry-After"]) >= 0
                return True
            assert answer.status == 200, answer
            return False

        wait_until(turned_away, 5, "newcomers are turned away")
        # A connection that was open already: told so, or closed.
        try:
            answer = idle.get("/v1/contacts")
            assert_envelope(answer, 503, "service_unavailable")
        except (OSError, http.client.HTTPException):
            pass
        for connection, rest in begun:
            with connection:
                connection.send(rest)
                answer = connection.response("POST")
                assert answer.status == 201, answer.body
    assert server.wait(30) == 0, server.log[-3000:]

    server.start()
    with server.client(key) as client:
        for index in range(5):
            client.get(f"/v1/contacts/by-email/inflight{index}@example.org").expect(200)
    assert server.stop() == 0


def test_no_answer_is_cut_off_under_load(installations: Callable[..., Server]) -> None:
    server = installations().start()
    key = Company.create(server).key(test=True).secret
    answered: list[str] = []
    odd: list[str] = []
    ended = threading.Event()

    def hammer(number: int) -> None:
        client = server.client(key, timeout=20)
        count = 0
        while not ended.is_set():
            count += 1
            email = f"c{number}-{count}@example.org"
            try:
                answer = client.post("/v1/contacts", {"email": email})
            except (ConnectionError, ssl.SSLError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
                # Refused, or closed before an answer began: a newcomer. A body that stops midway is IncompleteRead.
                return
            except (OSError, http.client.HTTPException, ValueError) as error:
                odd.append(repr(error))
                return
            if answer.status == 201:
                answered.append(email)
            elif answer.status == 503:
                return
            else:
                odd.append(f"{answer} {answer.body[:200]!r}")

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 100, 30, "there is load")
    try:
        assert server.stop() == 0, server.log[-3000:]
    finally:
        ended.set()
        for thread in threads:
            thread.join(30)
    assert odd == []
    server.start()
    with server.client(key) as client:
        total = client.get("/v1/contacts").expect(200)["pagination"]["total"]
        # What was answered is there; of what was on its way, at most one for each client more.
        assert len(answered) <= total <= len(answered) + 10
        for email in answered[-20:]:
            client.get(f"/v1/contacts/by-email/{email}").expect(200)
    assert server.stop() == 0


def test_a_stop_gives_back_what_was_not_sent(installations: Callable[..., Server]) -> None:
    server = installations().start()
    company = Company.create(server)
    with Relay() as relay:
        relay.on(Stage.ANSWER, Wait(0.05))
        company.send_by(relay.url(), connections=5)
        key = company.key().secret
        expected = [f"r{index}@example.org" for index in range(300)]
        with server.client(key) as client:
            send_all(client, template(client, subject="x", html="x", text="x"), expected, clients=10)
        relay.wait_for(lambda r: len(r.deliveries) >= 20, 30, "some are sent")
        assert server.stop() == 0, server.log[-3000:]
        assert relay.unanswered == 0
        in_time = len(relay.deliveries)
        assert in_time < 300, "the stop came too late to prove anything"
        server.start()
        relay.wait_for_recipients(set(expected), 60)
        with server.client(key) as client:
            final = Ledger(client).wait_for_rest(30)
            assert statuses(final.values()) == {"sent": 300}
            assert {message["attempts"] for message in final.values()} == {1}, "a clean stop leaves nothing in doubt"
        assert set(relay.copies().values()) == {1}
        assert server.stop() == 0


@ONE_ENGINE
def test_a_stop_does_not_wait_for_a_dead_relay(installations: Callable[..., Server]) -> None:
    server = installations().start()
    company = Company.create(server)
    with Relay() as relay:
        relay.on(Stage.ANSWER, Stall())
        company.send_by(relay.url(), connections=2)
        with company.client() as client:
            send_all(client, template(client, subject="x", html="x", text="x"), ["a@example.org", "b@example.org"], clients=1)
        relay.wait_for(lambda r: r.unanswered >= 1, 30, "a message is in the balance")
        assert server.stop(seconds=45) == 0, server.log[-3000:]


@ONE_ENGINE
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_both_signals_end_an_idle_server_at_once(installations: Callable[..., Server], name: str) -> None:
    server = installations().start()
    with server.client() as idle:
        idle.get("/nowhere")
        assert server.process is not None
        server.process.send_signal(signal.Signals[name])
        assert server.wait(10) == 0, server.log[-3000:]


def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    result = run("serve", *server.location, "--listen", f"127.0.0.1:{free_port()}", seconds=20)
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert str(server.data_dir) in said and "Fatal error" not in said, said
    with server.client() as client:
        assert client.get("/nowhere").status == 404


def test_a_port_in_use_is_said_so(installations: Callable[..., Server], server: Server) -> None:
    other = installations()
    result = run("serve", *other.location, "--listen", f"127.0.0.1:{server.port}", seconds=20)
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert str(server.port) in said and "Fatal error" not in said, said
