"""Clients of the official MCP SDK with sessions (2025-11-25), over two replicas behind nginx (RS-10)."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.command import ROOT
from tests.e2e.sdk import Mode, SdkClient
from tests.e2e.services import Service, deployed, start
from tests.flow import Person
from tests.machine import require
from tests.servers import free_port
from tests.upgrade.balancer import balanced

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-10", "OP-1")]

CALLS = 6
UPSTREAMS: dict[str, dict[str, str]] = {
    "built in": {},
    "stdio": {
        "DOORWARD_UPSTREAM": f"stdio:{shlex.quote(sys.executable)} -m tests.gateway.servers.notebook",
        "DOORWARD_STDIO_ENVIRONMENT": "PYTHONPATH",
    },
}


@contextmanager
def two_replicas(
    directory: Path, store_url: str, upstream: dict[str, str]
) -> Iterator[tuple[str, list[Service]]]:
    """The MCP URL of a balancer that takes turns, and the replicas behind it, which share a store."""
    mcp_port = free_port()
    settings = {
        **upstream,
        "PYTHONPATH": str(ROOT),
        "DOORWARD_PIN": "off",
        "DOORWARD_RESOURCE_STORE": store_url,
    }
    mcp_url = f"http://127.0.0.1:{mcp_port}/mcp"
    auth_store = f"sqlite:///{directory}/auth.sqlite3"
    with deployed(auth_store, directory, mcp_url=mcp_url, resource_settings=settings) as pair:
        resource = [pair.resource, replace(pair.resource, port=free_port(), process=None)]
        for number, service in enumerate(resource):
            service.log_file = directory / f"replica-{number}.log"
            service.settings = {**service.settings, "DOORWARD_REPLICA_URL": service.url}
        pair.resource.kill()
        try:
            start(resource)
            with balanced(directory / "nginx", {mcp_port: [each.port for each in resource]}):
                yield mcp_url, resource
        finally:
            for service in resource:
                service.kill()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_a_client_with_a_session_needs_no_affinity(
    upstream: str, mode: Mode, tmp_path: Path, store_url: str
) -> None:
    require("nginx")
    tool, arguments = ("whoami", {}) if upstream == "built in" else ("count", {"to": 1})
    with two_replicas(tmp_path, store_url, UPSTREAMS[upstream]) as (mcp_url, resource):
        with closing(Person(trust_env=False)) as person:
            sdk = SdkClient(mcp_url, person, mode=mode)
            async with sdk.connected() as client:
                assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
                for _ in range(CALLS):
                    assert not (await client.call_tool(tool, arguments)).is_error
        statuses = [status for method, url, status in sdk.exchanges if url == mcp_url]
        assert 404 not in statuses
        logs = [service.log for service in resource]
    assert all("/mcp" in log for log in logs)
