"""The MCP conformance suite gives the same verdicts through the gateway as without it (RS-9, GW-3)."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.gateway.names_proxy import as_mount
from tests.gateway.token_proxy import adding_token
from tests.gateway.upstreams import PATIENCE, Upstream, gateway, python_upstream
from tests.interop.toolbox import node, node_modules
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, running, token_for

pytestmark = pytest.mark.long

TIMEOUT_S = 180
Verdicts = Counter[tuple[str, str, str]]
"""How often each check of each scenario came to each status."""
OF_THE_GATEWAY = {"sep-2663-tasks-get-invalid-task-id-32602"}
"""Checks of what the gateway answers for any server: a task that the caller did not create (GW-8)."""

OPTIONAL = {"server-sse-streams-functional"}
"""Checks of an option that the joined URL does not use: it answers requests for lists with JSON."""


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """A server with much of what the suite looks for."""
    require("node")
    with python_upstream("tests.gateway.servers.conformance", tmp_path_factory.mktemp("suite")) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def direct(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Verdicts]:
    """The verdicts about the server itself, for each revision."""
    return cache(lambda revision: verdicts(upstream.url, revision, tmp_path_factory.mktemp("directly")))


@pytest.fixture(scope="module")
def through(
    issuer: AuthorizationServer, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with gateway(issuer, tmp_path_factory.mktemp("gateway"), upstream.url) as service:
        yield service


@pytest.fixture(scope="module")
def joined(
    issuer: AuthorizationServer,
    upstream: Upstream,
    plain_upstream: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """The server behind one URL with another one."""
    mounts = json.dumps({"/suite": upstream.url, "/plain": plain_upstream.url})
    directory = tmp_path_factory.mktemp("joined")
    with running(issuer, directory, mounts=mounts, join="true", **PATIENCE) as service:
        yield service


@pytest.fixture(scope="module")
def hiding(
    issuer: AuthorizationServer, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A gateway that looks into every list and every stream that is listened to."""
    directory = tmp_path_factory.mktemp("hiding")
    (directory / "policy.yaml").write_text("scopes: {all: Everything}\ndefault: all\nhide: true\n")
    with gateway(issuer, directory, upstream.url, policy=str(directory / "policy.yaml")) as service:
        yield service


@pytest.mark.requirement("RS-9")
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_the_suite_comes_to_the_same_verdicts_directly_and_through_the_gateway(
    revision: str,
    direct: Callable[[str], Verdicts],
    through: Service,
    hiding: Service,
    issuer: AuthorizationServer,
    tmp_path: Path,
) -> None:
    directly = direct(revision)
    for name, service in (("gateway", through), ("hiding", hiding)):
        port = int(service.origin.rpartition(":")[2])
        with adding_token(port, token_for(service, issuer, scope="all")) as proxy:
            by_way_of_it = verdicts(f"http://127.0.0.1:{proxy}/mcp", revision, tmp_path / name)
        assert of_the_server(by_way_of_it) == of_the_server(directly), name
        failed = {check for _scenario, check, status in by_way_of_it if status != "SUCCESS"}
        assert not failed & OF_THE_GATEWAY, name
    succeeded = {check for _scenario, check, status in directly if status == "SUCCESS"}
    assert len(succeeded) > 30, "a server that passes nothing would prove nothing"


@pytest.mark.requirement("GW-3")
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_what_a_server_passes_directly_it_passes_behind_a_joined_url(
    revision: str,
    direct: Callable[[str], Verdicts],
    joined: Service,
    issuer: AuthorizationServer,
    tmp_path: Path,
) -> None:
    directly = direct(revision)
    with as_mount(joined, token_for(joined, issuer, scope="suite plain"), "suite") as proxy:
        behind = verdicts(f"http://127.0.0.1:{proxy}/mcp", revision, tmp_path / "joined")
    assert {key[:2] for key in directly} == {key[:2] for key in behind}
    worse = {check for _scenario, check, status in directly - behind if status == "SUCCESS"}
    assert worse <= OPTIONAL
    failed = {check for _scenario, check, status in behind if status != "SUCCESS"}
    assert not failed & OF_THE_GATEWAY


def of_the_server(findings: Verdicts) -> Verdicts:
    """Leave out the findings about what the gateway answers itself."""
    return Counter({key: count for key, count in findings.items() if key[1] not in OF_THE_GATEWAY})


def verdicts(url: str, revision: str, results: Path) -> Verdicts:
    """Return the findings of the suite about the server at `url`, for `revision`."""
    suite = node_modules() / "@modelcontextprotocol/conformance/dist/index.js"
    command = [str(node()), str(suite), "server", "--url", url, "--requirements", revision]
    done = subprocess.run(
        [*command, "--output-dir", str(results)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert "=== SUMMARY ===" in done.stdout, done.stdout + done.stderr
    counts: Verdicts = Counter()
    for file in results.glob("*/checks.json"):
        scenario = file.parent.name.partition("-20")[0]  # what follows is the time
        counts.update((scenario, check["id"], check["status"]) for check in json.loads(file.read_text()))
    return counts
