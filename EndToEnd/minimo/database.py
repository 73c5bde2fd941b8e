"""The two engines that everything is run on."""

import os
import secrets
import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

VARIABLE = "MINIMO_TEST_POSTGRES"
ENGINES = ("sqlite", "postgres")


@dataclass(frozen=True)
class TestDatabase:
    """Where a server keeps its rows: `url` is None for the embedded engine."""

    __test__ = False

    engine: str
    url: str | None

    @staticmethod
    def create(engine: str) -> "TestDatabase":
        """A fresh database. Without a PostgreSQL server to make it on this fails: an engine is never skipped."""
        if engine == "sqlite":
            return TestDatabase(engine, None)
        server = os.environ.get(VARIABLE)
        assert server, f"{VARIABLE} is not set: run the tests by `make test` or `scripts/with-postgres`"
        name = f"minimo_{os.getpid()}_{secrets.token_hex(4)}"
        _psql(server, f'CREATE DATABASE "{name}"')
        return TestDatabase(engine, urlunsplit(urlsplit(server)._replace(path=f"/{name}")))

    def drop(self) -> None:
        """Removes the database with everything in it."""
        if self.url is not None:
            name = urlsplit(self.url).path.removeprefix("/")
            _psql(os.environ[VARIABLE], f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _psql(url: str, statement: str) -> None:
    result = subprocess.run(
        ["psql", url, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--command={statement}"],
        capture_output=True, text=True, timeout=60,
    )
    assert result.returncode == 0, f"{statement}: {result.stderr}"
