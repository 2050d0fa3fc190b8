"""Calls of tools, from the MCP server to the account page of the person for whom they were made (ID-7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.services import Deployment, deployed, start
from tests.flow import Client, Person
from tests.machine import require
from tests.resource_service.service import bearer, call, modern_headers
from tests.servers import redis_running

pytestmark = [pytest.mark.long, pytest.mark.requirement("ID-7"), pytest.mark.xdist_group("pair")]


@pytest.fixture(params=["sqlite", "redis"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    if request.param == "sqlite":
        with deployed(f"sqlite:///{tmp_path}/auth.sqlite3", tmp_path) as deployment:
            yield deployment
        return
    require("redis-server")
    with redis_running(tmp_path / "redis") as redis, deployed(redis.url, tmp_path) as deployment:
        yield deployment


def called(deployment: Deployment, token: str, tool: str, **arguments: str) -> int:
    answer = httpx2.post(
        deployment.mcp_url,
        json=call(tool, **arguments),
        headers={**bearer(token), **modern_headers(tool)},
        timeout=30,
        trust_env=False,
    )
    return answer.status_code


def test_the_account_page_shows_what_was_called_before_and_after_an_outage(
    deployment: Deployment, http: httpx2.Client, person: Person
) -> None:
    tokens = Client.register(deployment.issuer, http).connect(
        person, resource=deployment.mcp_url, scope="notes:read"
    )
    token = tokens["access_token"]
    [auth], resource = deployment.auth, deployment.resource
    assert [called(deployment, token, "whoami") for _ in range(3)] == [200] * 3
    assert called(deployment, token, "add_note", text="x") == 403
    resource.stop()  # it reports what it has counted
    page = person.open(f"{deployment.issuer}/account").text
    assert "<bdi>whoami 3, refused 1</bdi>" in page
    start([resource])
    assert called(deployment, token, "whoami") == 200
    auth.kill()
    assert resource.stop() == 0
    assert "calls are not reported" in resource.log
    start([auth])
    assert "<bdi>whoami 3, refused 1</bdi>" in person.open(f"{deployment.issuer}/account").text
