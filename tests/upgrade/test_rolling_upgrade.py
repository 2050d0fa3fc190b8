"""A rolling upgrade from the earlier release to this one and back, with two processes of each service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from anyio import to_thread

from tests.cli.command import ROOT
from tests.e2e.services import Service, deployed, start
from tests.machine import require
from tests.servers import free_port, redis_running
from tests.upgrade.balancer import Balancer, balanced
from tests.upgrade.previous_release import extract, pins_of_other_versions, require_history
from tests.upgrade.sdk_load import Callers, calling

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.long,
    pytest.mark.requirement("OP-5"),
    pytest.mark.xdist_group("faults"),
]

CLIENTS = 2


@dataclass
class Deployed:
    """Two processes of each service behind nginx."""

    mcp_url: str
    balancer: Balancer
    auth: Sequence[Service]
    resource: Sequence[Service]


@contextmanager
def of_release(code: Path, store_url: str, directory: Path) -> Iterator[Deployed]:
    """Run the release whose packages are in `code`."""
    issuer_port, mcp_port = free_port(), free_port()
    issuer, mcp_url = f"http://127.0.0.1:{issuer_port}", f"http://127.0.0.1:{mcp_port}/mcp"
    path = {"PYTHONPATH": python_path(code)}
    with deployed(
        store_url,
        directory,
        replicas=2,
        issuer=issuer,
        mcp_url=mcp_url,
        settings=path,
        resource_settings={**path, "DOORWARD_INTROSPECTION_CACHE_S": "30"},
        introspect_through=lambda _: issuer,
    ) as pair:
        other = replace(
            pair.resource, port=free_port(), log_file=directory / "other-resource.log", process=None
        )
        resource = [pair.resource, other]
        try:
            start([other])
            sites = {issuer_port: [s.port for s in pair.auth], mcp_port: [s.port for s in resource]}
            with balanced(directory / "nginx", sites) as balancer:
                yield Deployed(mcp_url, balancer, pair.auth, resource)
        finally:
            other.kill()


def python_path(code: Path) -> str:
    """The packages in `code` take precedence over those of this release; the tests' own stay."""
    return str(ROOT) if code == ROOT else f"{code}:{ROOT}"


async def replaced_in_turn(pair: Deployed, code: Path, callers: Callers) -> None:
    # Authorization servers first, in either direction: so each release of one service meets each release of
    # the other.
    for service in (*pair.auth, *pair.resource):
        await callers.go_on()
        with pair.balancer.without(service.port):
            assert await to_thread.run_sync(service.stop) == 0
            await callers.go_on()
            service.settings["PYTHONPATH"] = python_path(code)
            await to_thread.run_sync(start, [service])


async def test_an_upgrade_and_the_way_back_fail_no_call_and_log_nobody_out(tmp_path: Path) -> None:
    require("redis-server")
    require("nginx")
    require_history()
    assert pins_of_other_versions() == set(), "the earlier release needs other libraries: use a later commit"
    earlier = extract(tmp_path / "earlier")
    with redis_running(tmp_path / "redis") as redis, of_release(earlier, redis.url, tmp_path) as pair:
        async with calling(pair.mcp_url, CLIENTS) as callers:
            for code in (ROOT, earlier):
                await replaced_in_turn(pair, code, callers)
            await callers.go_on()
    assert callers.failures == []
    assert callers.logins == CLIENTS
    assert callers.refreshes > 8 * CLIENTS
