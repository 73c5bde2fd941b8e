"""The server as a process, and its commands."""

import json
import os
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

from .client import ApiClient
from .database import TestDatabase
from .waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def binary() -> Path:
    """The program under test: MINIMO_BINARY, or the debug build."""
    path = Path(os.environ.get("MINIMO_BINARY", ROOT / ".build/debug/minimo"))
    assert path.is_file(), f"{path} does not exist: build it first (swift build), or set MINIMO_BINARY"
    return path.resolve()


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of this process without settings of Minimo, with the program's folder first in PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINIMO_")}
    kept["PATH"] = f"{binary().parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | (extra or {})


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port: int) -> bool:
    """Whether somebody accepts connections on a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


class Server:
    """One installation: a data folder, a database, and the process that serves it while it runs."""

    def __init__(self, folder: Path, database: TestDatabase, arguments: tuple[str, ...] = ()):
        self.data_dir = folder / "data"
        self.database = database
        self.arguments = arguments
        self.port = free_port()
        self.log_file = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def ca_file(self) -> Path:
        return self.data_dir / "tls" / "ca.pem"

    @property
    def base(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that the processes of this installation have printed so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def location(self) -> list[str]:
        """The options that tell a command which installation it works on."""
        options = ["--data-dir", str(self.data_dir)]
        if self.database.url is not None:
            options += ["--database-url", self.database.url]
        return options

    def spawn(self, *arguments: str) -> None:
        """Starts the process without waiting for it to serve."""
        assert self.process is None, "the server runs already"
        command = [str(binary()), "serve", *self.location, "--listen", f"127.0.0.1:{self.port}"]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environment(),
            )

    def start(self, seconds: float = 60) -> "Server":
        """Starts the process and waits until it answers over TLS."""
        self.spawn()
        wait_until(self._is_serving, seconds, f"the server serves on port {self.port}", every=0.02)
        return self

    def stop(self, seconds: float = 40) -> int:
        """Asks the process to end and returns its exit status."""
        assert self.process is not None, "the server does not run"
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        """Waits until the process has ended and returns its exit status."""
        assert self.process is not None, "the server does not run"
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not end within {seconds:g} s\n{self.log[-4000:]}") from None
        self.process = None
        return status

    def kill(self) -> None:
        """Ends the process at once, as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def client(self, key: str | None = None, **options: Any) -> ApiClient:
        return ApiClient(self.port, self.ca_file, key, **options)

    def command(
        self, *arguments: str, located: bool = True, extra_environment: dict[str, str] | None = None, seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command of the program, on this installation unless `located` is false."""
        return run(*arguments, *(self.location if located else []), extra_environment=extra_environment, seconds=seconds)

    def json(self, *arguments: str) -> Any:
        """Runs a command with --json and returns what it printed; a status other than 0 fails."""
        result = self.command(*arguments, "--json")
        assert result.returncode == 0, f"minimo {' '.join(arguments)}: {result.returncode}\n{result.stdout}{result.stderr}"
        return json.loads(result.stdout)

    def do(self, *arguments: str) -> str:
        """Runs a command and returns what it printed; a status other than 0 fails."""
        result = self.command(*arguments)
        assert result.returncode == 0, f"minimo {' '.join(arguments)}: {result.returncode}\n{result.stdout}{result.stderr}"
        return result.stdout

    def _is_serving(self) -> bool:
        assert self.process is not None
        status = self.process.poll()
        if status is not None:
            self.process = None
            raise AssertionError(f"the server ended with status {status}\n{self.log[-4000:]}")
        if not self.ca_file.exists():
            return False
        try:
            # A request without a key to a path that exists: any answer shows that HTTP is served.
            with self.client(timeout=5) as client:
                client.get("/v1/contacts")
        except (OSError, ssl.SSLError):
            return False
        return True


def run(
    *arguments: str, extra_environment: dict[str, str] | None = None, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs the program with these arguments and nothing else."""
    return subprocess.run(
        [str(binary()), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
        cwd=ROOT, env=environment(extra_environment),
    )
