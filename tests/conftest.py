"""Fixtures every suite shares: real servers, started once per test process and ended by it."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.nodeid import coerce_node_id

from shared.storage import Store, open_store
from tests import distribution, stores
from tests.certificates import Authority
from tests.costs import Costs
from tests.economy import economize
from tests.forking.process import end_servers
from tests.machine import LEFT_OUT, NEEDS, SKIPPED, leave_out_slow_needs, require
from tests.servers import RedisServer, redis_running
from tests.stores import NewStore, SharedServers
from tests.workers.plugin import ForkedWorkers

if TYPE_CHECKING:
    from tests.auth_service.service import AuthorizationServer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick",
        action="store_true",
        help="leave out what is long, or needs browsers, containers or programs of others; use one store",
    )
    parser.addoption("--costs", action="store_true", help="add up the time that tests take")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("quick"):
        leave_out_slow_needs()
    if config.getoption("costs"):
        config.pluginmanager.register(Costs())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ForkedWorkers())
    config.addinivalue_line("markers", "requirement(*ids): the requirements that the test proves")
    config.addinivalue_line("markers", "long: takes several seconds of processor time or of waiting")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage, and never look at what was collected: it lasts until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return distribution.number_of_processes(len(os.sched_getaffinity(0)))


@pytest.fixture(scope="session", autouse=True)
def economy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        economize(patch)
        yield


def pytest_unconfigure() -> None:
    end_servers()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """In a process of a parallel run, group and order the tests.

    pytest-xdist 3.8 writes the group into `_nodeid`, which pytest 9.2 no longer reads: without this every
    process would start the servers of every group.
    """
    if config.getoption("quick"):
        distribution.leave_out_long(items)
        distribution.leave_out_other_stores(items)
    parallel = hasattr(config, "workerinput")
    if parallel:
        distribution.group(items)
    yield
    if parallel:
        distribution.order(items)
    for item in items:
        grouped = getattr(item, "_nodeid", None)
        if isinstance(grouped, str):
            item._id = coerce_node_id(grouped)  # noqa: SLF001 -- there is no public way


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each thing the machine lacks, with the command that installs it."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if left_out := sum(LEFT_OUT in reason for reason in reasons):
        terminalreporter.write_line(f"{left_out} tests left out, which `make test` runs")
    for need in NEEDS.values():
        count = sum(f"{SKIPPED}{need.name}" in reason for reason in reasons)
        if count:
            terminalreporter.write_line(
                f"{count} tests skipped for lack of {need.name}: {need.install}", yellow=True
            )


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certifies the servers of this test run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis as we ship it; a test that stops it must start it again."""
    require("redis-server")
    with redis_running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty store on each backend in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/doorward.db"
    server: RedisServer = request.getfixturevalue("redis_server")
    server.empty()
    return server.url


@pytest.fixture
async def store(store_url: str, anyio_backend: str) -> AsyncIterator[Store]:
    """An open store at `store_url`."""
    store = open_store(store_url)
    yield store
    await store.aclose()


@pytest.fixture(scope="session")
def shared_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServers]:
    with stores.shared_servers(tmp_path_factory.mktemp("stores")) as servers:
        yield servers


@pytest.fixture(scope="session", params=["sqlite", "redis"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each store backend in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_store(backend: str, shared_servers: SharedServers) -> NewStore:
    """Gives the URL of another empty store at each call, on each backend in turn.

    Unlike the one behind `store_url` it is never emptied, so that a server on it can be shared by many tests.
    """
    return shared_servers.new_store(backend)


@pytest.fixture(scope="session")
def shared_server(backend: str, shared_servers: SharedServers) -> AuthorizationServer:
    """The authorization server as most tests want it; a module that wants another overrides this."""
    return shared_servers.server(backend)


@pytest.fixture
def server(shared_server: AuthorizationServer) -> Iterator[AuthorizationServer]:
    """A running authorization server that many tests share; none of them may make it answer 5xx."""
    yield shared_server
    failures = shared_server.failures[:]
    shared_server.failures.clear()
    assert failures == []
