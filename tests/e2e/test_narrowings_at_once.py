"""Mounts that are disconnected at the same moment, at two processes, all stay disconnected (GW-3)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.cli.command import doorward
from tests.e2e.services import Deployment, Service, deployed
from tests.flow import Client, Person, forms_of
from tests.machine import require
from tests.servers import redis_running

pytestmark = [
    pytest.mark.long,
    pytest.mark.requirement("GW-3", "AS-16"),
    pytest.mark.xdist_group("revocations"),
]

ROUNDS = 15
ORIGIN = "https://mcp.example"
MOUNTS = ("one", "two", "three")
SECRET = secrets.token_hex(32)
RESOURCE = {
    "resource": f"{ORIGIN}/all",
    "name": "All",
    "scopes": {mount: mount for mount in MOUNTS},
    "joins": {mount: f"{ORIGIN}/{mount}" for mount in MOUNTS},
}
OWN = [{"resource": f"{ORIGIN}/{mount}", "name": mount} for mount in MOUNTS]
SERVERS = [{"id": "resource", "secret": SECRET, "resources": [RESOURCE, *OWN]}]


@pytest.fixture(params=["sqlite", "redis"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """Two authorization servers on one store."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/auth.sqlite3"
        if request.param == "redis":
            require("redis-server")
            url = stack.enter_context(redis_running(tmp_path / "redis")).url
        yield stack.enter_context(
            deployed(
                url,
                tmp_path,
                replicas=2,
                settings={"DOORWARD_RESOURCE_SERVERS": json.dumps(SERVERS)},
                resource_settings={"DOORWARD_RESOURCE_SECRET": SECRET},
            )
        )


class Presses:
    """Presses of buttons at the same moment, each at another process."""

    def __init__(self, deployment: Deployment, person: Person, number: int) -> None:
        self._issuer = deployment.issuer
        self._person = person
        self._together = Barrier(number)

    def press(self, service: Service, page: httpx2.Response) -> int:
        """Submit the form of a page to a process of the same issuer; the status."""
        headers = {"Host": urlsplit(self._issuer).netloc, "Origin": self._issuer}
        cookies = self._person.browser.cookies
        with httpx2.Client(timeout=60, trust_env=False, headers=headers, cookies=cookies) as browser:
            browser.get(f"{service.url}/health")  # the connection is open
            self._together.wait(60)
            return browser.post(f"{service.url}/account", data=forms_of(page.text)[0].fields).status_code


def introspected(deployment: Deployment, token: str) -> dict[str, object]:
    answer = httpx2.post(
        f"{deployment.issuer}/introspect",
        data={"token": token},
        auth=httpx2.BasicAuth("resource", SECRET),
        trust_env=False,
        timeout=60,
    )
    document: dict[str, object] = answer.raise_for_status().json()
    return document


def events_of(deployment: Deployment, directory: Path) -> list[dict[str, Any]]:
    """All events of the journal."""
    listed = doorward("audit", "search", "--json", cwd=directory, **deployment.auth[0].settings).stdout
    events: list[dict[str, Any]] = [json.loads(line) for line in listed.splitlines()]
    return events


@pytest.mark.parametrize("ended", [MOUNTS[:2], MOUNTS], ids=["two of three", "all"])
def test_mounts_that_are_disconnected_at_once_at_several_processes_stay_disconnected(
    ended: tuple[str, ...], deployment: Deployment, tmp_path: Path
) -> None:
    remaining = [mount for mount in MOUNTS if mount not in ended]
    grant_ids: list[object] = []
    with httpx2.Client(timeout=60, trust_env=False) as http, ThreadPoolExecutor() as pool:
        person, client = Person(trust_env=False), Client.register(deployment.issuer, http)
        for _ in range(ROUNDS):
            tokens = client.connect(person, resource=f"{ORIGIN}/all", scope=" ".join(MOUNTS))
            grant_id = introspected(deployment, tokens["access_token"])["grant_id"]
            grant_ids.append(grant_id)
            query = f"action=disconnect_mount&grant_id={grant_id}&mount="
            pages = [person.open(f"{deployment.issuer}/account?{query}{mount}") for mount in ended]
            presses = Presses(deployment, person, len(ended))
            services = [deployment.auth[number % 2] for number in range(len(ended))]
            assert {*pool.map(presses.press, services, pages)} == {303}
            answer = introspected(deployment, tokens["access_token"])
            assert answer["active"] is bool(remaining)
            assert str(answer.get("scope", "")).split() == remaining
        person.close()
    events = events_of(deployment, tmp_path)
    for grant_id in grant_ids:
        removed = {
            scope for event in events if event.get("grant") == grant_id for scope in event.get("removed", ())
        }
        kinds = {event["kind"] for event in events if event.get("grant") == grant_id}
        assert removed | set(remaining) == set(MOUNTS) or "grant.revoked" in kinds


def test_a_button_that_is_pressed_twice_at_once_at_two_processes_has_one_event(
    deployment: Deployment, tmp_path: Path
) -> None:
    grant_ids: list[object] = []
    with httpx2.Client(timeout=60, trust_env=False) as http, ThreadPoolExecutor() as pool:
        person, client = Person(trust_env=False), Client.register(deployment.issuer, http)
        for _ in range(ROUNDS):
            tokens = client.connect(person, resource=f"{ORIGIN}/all", scope=" ".join(MOUNTS))
            grant_ids.append(introspected(deployment, tokens["access_token"])["grant_id"])
            query = f"action=disconnect_mount&grant_id={grant_ids[-1]}&mount=one"
            page = person.open(f"{deployment.issuer}/account?{query}")
            presses = Presses(deployment, person, 2)
            assert {*pool.map(presses.press, deployment.auth, [page, page])} == {303}
        person.close()
    narrowed = [
        event["grant"] for event in events_of(deployment, tmp_path) if event["kind"] == "grant.narrowed"
    ]
    assert sorted(map(str, narrowed)) == sorted(map(str, grant_ids))
