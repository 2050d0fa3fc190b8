"""Whatever is killed, and whenever: nothing that was acknowledged is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.e2e.load import puts_off, under_load
from tests.e2e.services import Deployment, deployed, start
from tests.flow import Client, Person, Pkce
from tests.machine import require
from tests.servers import RedisServer, redis_running

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("load")]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of this module's own, to be killed."""
    require("redis-server")
    with redis_running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def pair(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two authorization servers and a resource server, to be killed."""
    directory = tmp_path_factory.mktemp("pair")
    # Codes are looked at long after they were given.
    with deployed(redis.url, directory, replicas=2, settings={"DOORWARD_CODE_TTL_S": "600"}) as deployment:
        yield deployment


def nothing_is_lost(
    pair: Deployment, kill: Callable[[], None], restart: Callable[[], None], *, rounds: int
) -> None:
    with under_load([service.url for service in pair.auth]) as load:
        for _ in range(rounds):
            load.goes_on()
            kill()
            try:
                load.falters()
            finally:
                restart()
        load.goes_on()


@pytest.mark.requirement("AS-5", "AS-9", "AS-13", "AS-16")
def test_killing_redis_loses_nothing(pair: Deployment, redis: RedisServer) -> None:
    nothing_is_lost(pair, redis.kill, redis.start, rounds=4)


@pytest.mark.requirement("AS-5", "AS-9", "AS-13", "AS-16")
def test_killing_every_authorization_server_loses_nothing(pair: Deployment) -> None:
    def kill() -> None:
        for service in pair.auth:
            service.kill()

    nothing_is_lost(pair, kill, lambda: start(pair.auth), rounds=1)


@pytest.mark.requirement("AS-5", "AS-9", "AS-13", "AS-16")
def test_killing_everything_loses_nothing(pair: Deployment, redis: RedisServer) -> None:
    def kill() -> None:
        redis.kill()
        pair.kill()

    def restart() -> None:
        redis.start()
        start(pair.services)

    nothing_is_lost(pair, kill, restart, rounds=1)


@pytest.fixture
def connected(pair: Deployment, http: httpx2.Client, person: Person) -> tuple[Client, dict[str, Any]]:
    client = Client.register(pair.issuer, http)
    return client, client.connect(person)


def json_requests(pair: Deployment, client: Client, tokens: dict[str, Any]) -> list[httpx2.Request]:
    """One request to each endpoint that needs the store and answers programs."""
    url, token = pair.issuer, {"token": tokens["access_token"]}
    revoke = {**token, "client_id": client.client_id}
    refresh = {**revoke, "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    management = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
    return [
        httpx2.Request("POST", f"{url}/token", data=refresh),
        httpx2.Request("POST", f"{url}/revoke", data=revoke),
        httpx2.Request(
            "POST", f"{url}/introspect", data=token, headers={"Authorization": pair.authorization}
        ),
        httpx2.Request("GET", f"{url}/userinfo", headers=bearer),
        httpx2.Request("POST", f"{url}/register", json={"redirect_uris": ["https://client.example/"]}),
        httpx2.Request("GET", f"{url}/register/{client.client_id}", headers=management),
        httpx2.Request("GET", f"{url}/health"),
    ]


@pytest.mark.requirement("RS-7", "SEC-15")
def test_while_redis_is_down_everything_says_so_and_then_goes_on(
    pair: Deployment, redis: RedisServer, http: httpx2.Client, connected: tuple[Client, dict[str, Any]]
) -> None:
    client, tokens = connected
    redis.kill()
    try:
        answers = [http.send(request) for request in json_requests(pair, client, tokens)]
        answers.append(pair.hello(tokens["access_token"]))
        assert [str(answer.request.url) for answer in answers if not puts_off(answer)] == []
        assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
        page = http.get(client.authorization_url(Pkce()))
        assert puts_off(page)
        assert page.headers["content-type"].startswith("text/html")
    finally:
        redis.start()
    assert pair.hello(tokens["access_token"]).status_code == 200
    assert client.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.requirement("RS-7", "SEC-15")
def test_while_redis_is_frozen_a_good_token_is_not_refused_but_put_off(
    pair: Deployment, redis: RedisServer, connected: tuple[Client, dict[str, Any]]
) -> None:
    access_token = connected[1]["access_token"]
    with redis.frozen():
        assert puts_off(pair.hello(access_token))
    assert pair.hello(access_token).status_code == 200


@pytest.mark.requirement("RS-7", "SEC-15")
def test_while_the_authorization_servers_are_down_a_good_token_is_not_refused_but_put_off(
    pair: Deployment, connected: tuple[Client, dict[str, Any]]
) -> None:
    access_token = connected[1]["access_token"]
    pair.auth[0].kill()
    try:
        assert puts_off(pair.hello(access_token))
    finally:
        start(pair.auth[:1])
    assert pair.hello(access_token).status_code == 200
