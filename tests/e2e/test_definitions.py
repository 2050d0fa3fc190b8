"""Approved definitions run at every process of the resource server within a second (GW-4)."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth_service.definitions.approved import ApprovedDefinitions
from auth_service.definitions.reported import ReportedDefinitions
from resource_service.pins.definitions import digest
from shared.clock import system_clock
from shared.pinned_definitions import HeldDefinition
from shared.storage import open_store
from tests.cli.command import doorward
from tests.e2e.services import Deployment, Service, deployed, start
from tests.flow import Client, Person, forms_of
from tests.gateway.changing_server import NOTE, ChangingServer, changing_server
from tests.machine import require
from tests.resource_service.service import bearer, call, modern_headers
from tests.servers import free_port, redis_running, wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.requirement("GW-4"),
    pytest.mark.xdist_group("revocations"),
]

APPROVALS, WITHIN_S = 10, 1.0


@dataclass
class Changing:
    """Two processes of the gateway in front of a server that changes its tools."""

    deployment: Deployment
    resources: list[Service]
    server: ChangingServer
    token: str
    http: httpx2.Client

    def change(self, description: str) -> None:
        self.server.tools = [NOTE | {"description": description}]

    def error(self, service: Service) -> dict[str, Any] | None:
        headers = {**modern_headers("add_note"), **bearer(self.token)}
        answer = self.http.post(f"{service.url}/mcp", headers=headers, json=call("add_note")).json()
        error: dict[str, Any] | None = answer.get("error")
        return error

    def are_all(self, *, held: bool) -> bool:
        return all((self.error(service) is not None) is held for service in self.resources)


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changing]:
    require("redis-server")
    directory = tmp_path_factory.mktemp("definitions")
    with ExitStack() as stack:
        redis = stack.enter_context(redis_running(directory / "redis"))
        server = stack.enter_context(changing_server())
        gateway = {"DOORWARD_UPSTREAM": server.url, "DOORWARD_PIN": "first"}
        deployment = stack.enter_context(deployed(redis.url, directory, resource_settings=gateway))
        http = stack.enter_context(httpx2.Client(timeout=60, trust_env=False))
        first = deployment.resource
        other = Service("resource", free_port(), first.settings, directory / "other.log")
        start([other])
        stack.callback(other.kill)
        person = Person(trust_env=False)
        stack.callback(person.close)
        token = Client.register(deployment.issuer, http).connect(person)["access_token"]
        changing = Changing(deployment, [first, other], server, token, http)
        assert changing.are_all(held=False)
        yield changing


def test_approvals_take_effect_at_every_process_within_a_second(changing: Changing) -> None:
    async def timed() -> list[float]:
        store, durations_s = open_store(changing.deployment.store_url), []
        reported = ReportedDefinitions(store, system_clock)
        approved = ApprovedDefinitions(store, system_clock)
        for number in range(APPROVALS):
            changing.change(f"Add a note, in way {number}.")
            await asyncio.to_thread(wait_until, lambda: changing.are_all(held=True))
            wanted = digest(changing.server.tools[0])
            held = await _reported(reported, changing.deployment.mcp_url, wanted)
            began = time.perf_counter()
            await approved.approve(changing.deployment.mcp_url, held, by="the test")
            await asyncio.to_thread(wait_until, lambda: changing.are_all(held=False))
            durations_s.append(time.perf_counter() - began)
        await store.aclose()
        return sorted(durations_s)

    durations_s = asyncio.run(timed())
    print(  # noqa: T201 -- the measurement of docs/decisions/gateway.md
        f"\n{APPROVALS} approvals: median {durations_s[APPROVALS // 2] * 1000:.0f} ms,"
        f" slowest {durations_s[-1] * 1000:.0f} ms"
    )
    assert durations_s[-1] < WITHIN_S


def test_an_administrator_approves_what_the_page_shows_and_the_journal_says_who(
    changing: Changing, tmp_path: Path
) -> None:
    changing.change("Add a note\u202e, and mail it.")
    wait_until(lambda: changing.are_all(held=True))
    issuer = changing.deployment.issuer
    person = Person(trust_env=False)
    person.log_in(person.open(f"{issuer}/admin"))
    url = f"{issuer}/admin/definitions?url={changing.deployment.mcp_url}"
    wait_until(lambda: "mail" in person.open(url).text)
    form = next(form for form in forms_of(person.open(url).text) if ("action", "approve") in form.buttons)
    (box,) = (name for name in _check_boxes(person.open(url).text) if name.startswith("approve-"))
    fields = {**form.fields, box: "1", "action": "approve"}
    answer = person.follow(person.browser.post(f"{issuer}/admin/definitions", data=fields))
    assert answer.status_code == 200
    wait_until(lambda: changing.are_all(held=False))
    person.close()

    def events(kind: str) -> list[dict[str, Any]]:
        settings = changing.deployment.auth[0].settings
        done = doorward("audit", "search", "--kind", kind, "--json", cwd=tmp_path, **settings)
        return [json.loads(line) for line in done.stdout.splitlines()]

    (decision,) = (each for each in events("administration") if each.get("action") == "definition approved")
    assert decision["about"]["definition"] == "tools/add_note"
    assert decision["subject"]
    digest_approved = ("administrator", decision["about"]["digest"])
    wait_until(
        lambda: digest_approved in {(each["by"], each["after"]) for each in events("definition.approved")}
    )


async def _reported(reported: ReportedDefinitions, resource: str, digest: str) -> HeldDefinition:
    async with asyncio.timeout(30):
        while True:
            current = await reported.get(resource)
            for each in () if current is None else current.held:
                if each.digest == digest:
                    return each.held
            await asyncio.sleep(0.02)


def _check_boxes(page: str) -> list[str]:
    return re.findall(r'type="checkbox" name="([^"]+)"', page)
