"""Groups in introspection answers: for resource servers that ask, and no more than concerns them (ID-3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest

from auth_service.access.components import AccessComponents
from shared.storage import Store
from tests.auth_service.access.rules import set_rules
from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, AuthorizationServer, running

pytestmark = pytest.mark.requirement("ID-3")

HERE, ELSEWHERE = {RESOURCE: "*"}, {"https://elsewhere.example/mcp": "*"}
RULES = {"people": {"*": HERE}, "groups": {"ops": HERE, "everywhere": {"*": "*"}, "other": ELSEWHERE}}


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store()) as server:
        set_rules(server, RULES)
        yield server


def join(server: AuthorizationServer, *groups: str, leave: bool = False) -> None:
    async def run(store: Store) -> None:
        local = AccessComponents.of_store(store, server.clock, None).groups
        for group in groups:
            await (local.remove if leave else local.add)(group, "wesen")

    server.with_store(run)


def introspect(server: AuthorizationServer, token: str, **form: str) -> dict[str, object]:
    response = server.http.post(
        f"{server.origin}/introspect",
        data={"token": token, **form},
        auth=httpx2.BasicAuth("resource", RESOURCE_SECRET),
    )
    answer: dict[str, object] = response.json()
    assert answer["active"] is True
    return answer


def test_a_resource_server_learns_the_groups_that_rules_name_for_its_resource(
    server: AuthorizationServer,
) -> None:
    token = server.connect()["access_token"]
    assert "groups" not in introspect(server, token, groups="true")
    join(server, "ops", "everywhere", "other", "unnamed")
    assert introspect(server, token, groups="true")["groups"] == ["everywhere", "ops"]
    join(server, "ops", leave=True)
    assert introspect(server, token, groups="true")["groups"] == ["everywhere"]
    join(server, "everywhere", leave=True)
    assert "groups" not in introspect(server, token, groups="true")


@pytest.mark.parametrize("form", [{}, {"groups": "false"}, {"groups": "ops"}], ids=str)
def test_one_that_does_not_ask_learns_nothing(server: AuthorizationServer, form: dict[str, str]) -> None:
    join(server, "ops")
    assert "groups" not in introspect(server, server.connect()["access_token"], **form)


@pytest.mark.parametrize("subject_type", ["public", "pairwise"])
def test_a_client_never_learns_groups_from_its_own_tokens(
    server: AuthorizationServer, subject_type: str
) -> None:
    join(server, "ops")
    client = server.register(token_endpoint_auth_method="client_secret_post", subject_type=subject_type)
    tokens = server.connect(client)
    assert introspect(server, tokens["access_token"], groups="true")["groups"] == ["ops"]
    for token in (tokens["access_token"], tokens["refresh_token"]):
        credentials = {name: client.information[name] for name in ("client_id", "client_secret")}
        answer = server.post("/introspect", token=token, groups="true", **credentials).json()
        assert answer["active"] is True
        assert "groups" not in answer
