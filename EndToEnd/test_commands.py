"""The commands: help, exit codes, JSON, all while the server runs."""

import json
import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from minimo import mail
from minimo.client import ApiClient
from minimo.company import Company, template
from minimo.database import TestDatabase
from minimo.ledger import Ledger
from minimo.load import send
from minimo.relay import Relay
from minimo.server import Server, run
from minimo.shapes import assert_envelope, assert_timestamp
from minimo.waiting import wait_until

# Every command, and the options beside --data-dir and --database-url that its help must show.
COMMANDS: dict[str, tuple[str, ...]] = {
    "serve": ("--listen", "--plain-listen", "--trust-proxy", "--api-host", "--app-host"),
    "companies create": ("--name", "--json"),
    "keys create": ("--name", "--permissions", "--test", "--expires", "--company", "--json"),
    "keys list": ("--company", "--json"),
    "keys revoke": ("--company",),
    "keys rotate": ("--overlap", "--company", "--json"),
    "migrate": (),
    "sandbox list": ("--company", "--json"),
    "sandbox show": ("--company",),
    "channels email set": ("--smtp", "--from", "--connections", "--company"),
    "senders add": ("--trust", "--company"),
    "doctor": ("--json",),
}
GROUPS = ["", "companies", "keys", "sandbox", "channels", "channels email", "senders"]
KEY = {"id", "key", "name", "permissions", "mode", "expiresAt"}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_help(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.returncode == 0 and result.stderr == ""
    assert f"minimo {command}" in result.stdout
    for option in ("--data-dir", "--database-url", *COMMANDS[command]):
        assert re.search(rf"{option}\b", result.stdout), f"{option} is not in the help of {command}"


def test_the_help_of_serve_names_every_variable() -> None:
    text = run("serve", "--help").stdout
    for name in ("MINIMO_DATA_DIR", "MINIMO_DATABASE_URL", "MINIMO_LISTEN", "MINIMO_PLAIN_LISTEN"):
        assert name in text, name


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group or "minimo")
def test_help_of_groups(group: str) -> None:
    result = run(*group.split(), "--help")
    assert result.returncode == 0
    for command in COMMANDS:
        if command.startswith(f"{group} " if group else ""):
            name = command.removeprefix(group).split()[0]
            assert re.search(rf"^\s+{name}\b", result.stdout, re.M), f"{name} is not in the help of {group!r}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"], ["keys", "nonsense"], ["serve", "--nonsense"], ["keys", "create", "--name", "x"],
        ["keys", "create", "--name", "x", "--permissions", "NONSENSE"],
        ["keys", "create", "--name", "x", "--permissions", "FULL_ACCESS", "--expires", "tomorrow"],
        ["channels", "email", "set", "--smtp", "http://x", "--from", "a@b.example"],
        ["channels", "email", "set", "--smtp", "smtp://x", "--from", "nobody"],
        ["channels", "email", "set", "--smtp", "smtp://u:p@relay.example?tls=none", "--from", "a@b.example"],
        ["senders", "add", "not a domain", "--trust"], ["serve", "--listen", "nowhere"], ["companies", "create"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_refused_on_standard_error(arguments: list[str], folder: Path) -> None:
    result = run(*arguments, *(["--data-dir", str(folder / "data")] if "nonsense" not in arguments else []))
    assert result.returncode not in {0, None} and result.returncode > 0, result
    assert result.stdout == "" and result.stderr.strip() != ""
    assert "Fatal error" not in result.stderr


def test_creating_a_key(server: Server, company: Company) -> None:
    for test, mode in ((False, "live"), (True, "test")):
        arguments = ["keys", "create", "--name", "Café", "--permissions", "CONTACTS_READ,CONTACTS_WRITE"]
        made = server.json(*arguments, "--company", company.client_id, "--expires", "24h", *(["--test"] if test else []))
        assert set(made) == KEY
        assert made["id"].startswith("key_") and made["name"] == "Café" and made["mode"] == mode
        assert sorted(made["permissions"]) == ["CONTACTS_READ", "CONTACTS_WRITE"]
        assert_timestamp(made["expiresAt"])
        prefix = "mn-test-" if test else "mn-"
        assert made["key"].startswith(f"{prefix}{company.client_id}-")
        with server.client(made["key"]) as client:
            client.get("/v1/contacts").expect(200)
            assert_envelope(client.get("/v1/messages"), 403, "forbidden")
    plain = server.do("keys", "create", "--name", "x", "--permissions", "FULL_ACCESS", "--company", company.client_id)
    with server.client(re.search(r"mn-\S+", plain)[0]) as client:  # type: ignore[index]
        client.get("/v1/contacts").expect(200)


def test_a_key_lives_a_year_unless_told_otherwise(server: Server, company: Company) -> None:
    common = ["keys", "create", "--name", "x", "--permissions", "FULL_ACCESS", "--company", company.client_id]
    week = assert_timestamp(server.json(*common, "--expires", "7d")["expiresAt"])
    year = assert_timestamp(server.json(*common)["expiresAt"])
    assert 357 <= (year - week).days <= 358
    assert server.command(*common, "--expires", "3650d").returncode > 0, "at most five years"


def test_listing_and_revoking(server: Server) -> None:
    company = Company.create(server)
    first, second = company.key(name="first"), company.key(name="second", test=True)
    rows = server.json("keys", "list", "--company", company.client_id)
    assert {row["id"]: (row["name"], row["mode"]) for row in rows} == {
        first.id: ("first", "live"), second.id: ("second", "test"),
    }
    text = server.do("keys", "list", "--company", company.client_id)
    assert first.id in text and second.id in text
    for secret in (first.secret, second.secret):
        assert secret not in json.dumps(rows) and secret not in text
        assert secret.rsplit("-", 1)[1] not in json.dumps(rows)
    with server.client(first.secret) as client:
        client.get("/v1/contacts").expect(200)
        company.revoke(first)
        wait_until(lambda: client.get("/v1/contacts").status == 401, 2, "the key is revoked", every=0.05)
    with server.client(second.secret) as client:
        client.get("/v1/contacts").expect(200)
    unknown = server.command("keys", "revoke", "key_none", "--company", company.client_id)
    assert unknown.returncode == 1 and "key_none" in unknown.stderr


def test_rotating_with_an_overlap(server: Server, company: Company) -> None:
    key = company.key("CONTACTS_READ", test=True)
    rotate = ["keys", "rotate", key.id, "--company", company.client_id, "--overlap"]
    made = server.json(*rotate, "4s")
    assert set(made) == KEY and made["id"] == key.id and made["permissions"] == ["CONTACTS_READ"]
    assert made["key"] != key.secret and made["mode"] == "test"
    with server.client(key.secret) as old, server.client(made["key"]) as new:
        for client in (old, new):
            client.get("/v1/contacts").expect(200)
        wait_until(lambda: old.get("/v1/contacts").status == 401, 10, "the overlap is over", every=0.1)
        new.get("/v1/contacts").expect(200)


def test_companies_are_apart(server: Server) -> None:
    made = server.json("companies", "create", "--name", "Größe & Co")
    assert {"id", "clientId", "name"} <= set(made) and made["name"] == "Größe & Co"
    assert re.fullmatch(r"[A-Za-z0-9]+", made["clientId"]), made
    unknown = server.command("keys", "create", "--name", "x", "--permissions", "FULL_ACCESS", "--company", "nobody")
    assert unknown.returncode == 1 and "nobody" in unknown.stderr and unknown.stdout == ""


def test_the_sandbox_shows_what_was_sent(server: Server, api: ApiClient, company: Company) -> None:
    made = template(api, subject="Größe {{n}}", html="<p>{{n}}</p>", text="{{n}}")
    identifier = send(api, made, "jane@example.org", customFields={"n": "42"}).expect(200)["id"]
    Ledger(api).wait_for_status(identifier, "delivered")
    at = ["--company", company.client_id]
    (row,) = [row for row in server.json("sandbox", "list", *at) if row["messageId"] == identifier]
    assert (row["to"], row["subject"], row["channel"]) == ("jane@example.org", "Größe 42", "email")
    assert identifier in server.do("sandbox", "list", *at)
    shown = server.do("sandbox", "show", identifier, *at)
    message = mail.parse(shown.encode())
    assert message["Subject"] == "Größe 42" and mail.body(message, "plain").strip() == "42"
    assert server.json("sandbox", "show", identifier, *at)["content"].replace("\r\n", "\n").strip() == shown.strip()
    missing = server.command("sandbox", "show", "msg_none", *at)
    assert missing.returncode == 1 and "msg_none" in missing.stderr


def test_migrating_before_beside_and_again(installations: Callable[..., Server]) -> None:
    server = installations()
    first = server.command("migrate")
    assert first.returncode == 0 and first.stdout.strip(), first
    again = server.command("migrate")
    assert again.returncode == 0
    server.start()
    assert server.command("migrate").returncode == 0
    states = server.json("migrate")
    assert states and all(state["applied"] is True for state in states)
    assert server.stop() == 0


def test_many_commands_at_once_on_a_new_installation(installations: Callable[..., Server]) -> None:
    """Whoever comes first migrates; all succeed."""
    server = installations()
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda index: server.command("companies", "create", "--name", f"C{index}", "--json"), range(6)))
    assert [result.returncode for result in results] == [0] * 6, [result.stderr for result in results]
    assert len({json.loads(result.stdout)["clientId"] for result in results}) == 6


def test_the_doctor(installations: Callable[..., Server]) -> None:
    server = installations().start()
    company = Company.create(server)
    with Relay() as relay:
        company.send_by(relay.url())
        healthy = server.command("doctor")
        assert healthy.returncode == 0, healthy.stdout + healthy.stderr
        assert server.json("doctor")["ok"] is True
        assert relay.deliveries == []
    sick = server.command("doctor")
    assert sick.returncode == 1, "a relay that is down is found"
    assert "127.0.0.1" in sick.stdout
    assert json.loads(server.command("doctor", "--json").stdout)["ok"] is False
    assert server.stop() == 0


def test_the_doctor_finds_a_missing_database(installations: Callable[..., Server], folder: Path) -> None:
    for options in (
        ["--data-dir", str(folder / "nothing"), "--database-url", "postgres://nobody:secret@127.0.0.1:1/none"],
        ["--data-dir", "/proc/nothing"],
    ):
        result = run("doctor", *options)
        assert result.returncode == 1, result
        assert (result.stdout + result.stderr).strip() and "secret" not in result.stdout + result.stderr


def test_settings_may_come_from_the_environment(server: Server, engine: str) -> None:
    variables = {"MINIMO_DATA_DIR": str(server.data_dir)}
    if server.database.url is not None:
        variables["MINIMO_DATABASE_URL"] = server.database.url
    result = run("keys", "list", "--json", extra_environment=variables)
    assert result.returncode == 0 and isinstance(json.loads(result.stdout), list), result
    # A flag is stronger.
    refused = run("keys", "list", "--database-url", "nonsense://", extra_environment=variables)
    assert refused.returncode == 1 and "postgres://" in refused.stderr


def test_an_installation_keeps_to_its_secret_key(installations: Callable[..., Server]) -> None:
    """A database that was sealed with another key is refused in words, not misread."""
    server = installations().start()
    Company.create(server).send_by("smtp://127.0.0.1:2525?tls=none")
    assert server.stop() == 0
    other = {"MINIMO_SECRET_KEY": "A" * 43 + "="}
    result = server.command("keys", "list", extra_environment=other)
    assert result.returncode == 1 and "secret" in result.stderr.lower(), result
    assert server.command("keys", "list").returncode == 0


def test_a_signal_during_startup_ends_it(installations: Callable[..., Server]) -> None:
    server = installations()
    server.spawn()
    assert server.process is not None
    wait_until(lambda: server.data_dir.exists(), 10, "it has begun", every=0.001)
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.wait(20) in {0, -signal.SIGTERM}
    assert server.start().stop() == 0


def test_a_lost_database_is_said_in_words(engine: str, folder: Path) -> None:
    if engine == "sqlite":
        (folder / "data").mkdir()
        (folder / "data" / "minimo.sqlite").write_bytes(b"this is no database" * 100)
        server = Server(folder, TestDatabase(engine, None))
    else:
        server = Server(folder, TestDatabase(engine, "postgres://nobody:secret@127.0.0.1:1/none"))
    result = server.command("keys", "list")
    assert result.returncode == 1 and re.search(r"^minimo: ", result.stderr, re.M), result
    assert "secret" not in result.stderr and "Fatal error" not in result.stderr
