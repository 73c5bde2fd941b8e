"""Fixtures: every test that takes a server runs once on each engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minimo.client import ApiClient
from minimo.company import Company
from minimo.database import ENGINES, TestDatabase
from minimo.server import Server


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def installations(
    engine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Makes installations, each with its own data folder and database; what still runs at the end is killed."""
    made: list[Server] = []

    def make(*arguments: str) -> Server:
        server = Server(tmp_path_factory.mktemp("installation"), TestDatabase.create(engine), arguments)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()
        server.database.drop()


@pytest.fixture(scope="module")
def server(installations: Callable[..., Server]) -> Iterator[Server]:
    """A server that runs while the module's tests do, and ends well."""
    server = installations().start()
    yield server
    assert server.stop() == 0, server.log[-4000:]


@pytest.fixture(scope="module")
def company(server: Server) -> Company:
    """A company for all tests of the module."""
    return Company.create(server)


@pytest.fixture(scope="module")
def key(company: Company) -> str:
    """A test key of the module's company that may do everything."""
    return company.key(test=True).secret


@pytest.fixture
def api(server: Server, key: str) -> Iterator[ApiClient]:
    """A client with the module's test key."""
    with server.client(key) as client:
        yield client


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Adds the end of the server's log to the report of a test that failed."""
    report = yield
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and isinstance(server, Server):
        report.sections.append(("the server's log, its end", server.log[-3000:]))
    return report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
