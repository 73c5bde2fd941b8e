"""What a person meets first: the text of the first start, and the README's tour, pasted as they stand."""

import re
from collections.abc import Callable
from pathlib import Path

from minimo import shell
from minimo.company import Company
from minimo.server import ROOT, Server
from minimo.waiting import wait_until

TEST_KEY = re.compile(r"\bmn-test-[A-Za-z0-9]+-[A-Za-z0-9_]+\b")
RECIPIENT = re.compile(r'"recipient"\s*:\s*"([^"]+)"')


def curls(text: str) -> list[str]:
    return [line for line in shell.commands(text) if re.search(r"\bcurl ", line)]


def sandbox_command(text: str) -> str:
    found = [line for line in shell.commands(text) if re.search(r"minimo sandbox list\b", line)]
    assert found, f"no `minimo sandbox list` to paste in\n{text}"
    return found[0]


def test_the_first_start_says_what_to_type_next(installations: Callable[..., Server], folder: Path) -> None:
    server = installations().start()
    wait_until(lambda: len(curls(server.log)) >= 3, 10, "three curl lines are printed")
    text = server.log
    assert server.base in text
    assert str(server.ca_file) in text
    assert server.ca_file.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert len(set(TEST_KEY.findall(text))) == 1, text
    contact, template, send = curls(text)
    assert "/contacts" in contact and "/templates/email" in template and "/templates/email/send" in send

    tour = [line for line in shell.commands(text) if not re.search(r"\bminimo ", line)]
    printed = shell.paste("\n".join(tour) + "\n", folder)
    assert '"error"' not in printed, printed
    assert "cnt_" in printed and "msg_" in printed, printed

    recipient = RECIPIENT.search(send)
    assert recipient is not None, send
    show = sandbox_command(text)
    # The URL of a database holds a password and is not printed: whoever gives one has it in the environment.
    variables = {"MINIMO_DATABASE_URL": server.database.url} if server.database.url else {}
    wait_until(
        lambda: recipient[1] in shell.paste(f"{show}\n", folder, variables), 20,
        f"{show!r} shows the mail to {recipient[1]}", every=0.2,
    )
    assert server.stop() == 0


def test_a_second_start_keeps_the_key_and_the_authority(installations: Callable[..., Server]) -> None:
    server = installations().start()
    key = wait_until(lambda: TEST_KEY.search(server.log), 10, "a test key is printed")[0]
    authority = server.ca_file.read_bytes()
    assert server.stop() == 0
    first_text = server.log

    server.start()
    with server.client(key) as client:
        client.get("/v1/contacts").expect(200)
    assert server.ca_file.read_bytes() == authority
    assert not TEST_KEY.search(server.log.removeprefix(first_text)), "a key is printed once"
    assert server.stop() == 0


def test_secret_files_are_for_the_owner_alone(installations: Callable[..., Server]) -> None:
    server = installations().start()
    assert server.data_dir.stat().st_mode & 0o077 == 0
    for path in server.data_dir.rglob("*"):
        if path.is_file() and (path.suffix in {".key", ".sqlite", ".db"} or "PRIVATE KEY" in path.read_text(errors="replace")):
            assert path.stat().st_mode & 0o077 == 0, path
    assert server.stop() == 0


def test_the_tour_of_the_readme_works_as_pasted(installations: Callable[..., Server], folder: Path) -> None:
    server = installations().start()
    key = Company.create(server).key(test=True).secret
    blocks = shell.blocks((ROOT / "README.md").read_text(), "A tour in five curls")
    assert blocks, "the tour has no block marked sh"
    values = {"BASE": server.base, "CA": str(server.ca_file), "KEY": key}
    for name, value in values.items():
        # What the tour tells the reader to replace, and nothing else.
        blocks[0], count = re.subn(rf"^((?:export )?{name}=).*$", lambda match: match[1] + value, blocks[0], flags=re.M)
        assert count == 1, f"the first block does not set {name} once"
    script = "\n".join(blocks)
    assert len(re.findall(r"\bcurl ", script)) == 5, script
    printed = shell.paste(script, folder, seconds=90)
    assert '"error"' not in printed, printed
    assert "cnt_" in printed and "msg_" in printed, printed
    assert server.stop() == 0
