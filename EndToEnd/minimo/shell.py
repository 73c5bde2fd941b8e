"""Taking shell lines out of what the program or the README prints, and running them as a person would paste them."""

import re
import subprocess
from pathlib import Path

from .server import ROOT, environment

_STARTS = re.compile(r"\A(curl (?=[-'\"$h])|(?:export )?\w+=|(?:\S*/)?minimo )")


def logical_lines(text: str) -> list[str]:
    """The lines of a terminal's text, with lines that a backslash or an open quote continues joined as they stand."""
    found: list[str] = []
    pending = ""
    for line in text.splitlines():
        pending = f"{pending}\n{line}" if pending else line.strip()
        if not _is_open(pending):
            found.append(pending)
            pending = ""
    return [*found, pending] if pending else found


def commands(text: str) -> list[str]:
    """The logical lines of a text that are shell commands of the tour: curl, an assignment, or minimo."""
    return [line for line in logical_lines(text) if _STARTS.match(line)]


def _is_open(command: str) -> bool:
    if not _STARTS.match(command):
        return False
    return command.endswith("\\") or command.count("'") % 2 == 1


def paste(script: str, folder: Path, variables: dict[str, str] | None = None, seconds: float = 60) -> str:
    """Runs a script with bash on standard input, from the repository's root; a command that fails, fails."""
    result = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-s"], input=script, capture_output=True, text=True, timeout=seconds, cwd=ROOT,
        env=environment({"HOME": str(folder)} | (variables or {})),
    )
    assert result.returncode == 0, f"status {result.returncode} of\n{script}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def blocks(markdown: str, heading: str) -> list[str]:
    """The fenced blocks marked `sh` under a heading of a Markdown text, up to the next heading of its rank."""
    section = re.search(rf"^(#+) {re.escape(heading)}\s*?\n(.*?)(?=^\1 |\Z)", _without_comments(markdown), re.M | re.S)
    assert section is not None, f"no heading {heading!r}"
    return [block.replace("\0", "#") for block in re.findall(r"^```sh\n(.*?)^```", section[2], re.M | re.S)]


def _without_comments(markdown: str) -> str:
    """Hides the # of shell comments in fenced blocks, which is not a heading there."""
    return re.sub(r"^```.*?^```", lambda match: match[0].replace("#", "\0"), markdown, flags=re.M | re.S)
