"""One proof for several processes that share a store: accepted once, and never while that is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.proving import Prover
from tests.resource_service.service import Service, bearer, running, token_for
from tests.servers import RedisServer, redis_running, wait_until

pytestmark = pytest.mark.requirement("EXT-3")

RESOURCE = "http://127.0.0.1:7999/mcp"
PROCESSES, PROOFS, COPIES = 3, 8, 2


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    require("redis-server")
    with redis_running(tmp_path_factory.mktemp("redis"), "--save", "") as server:
        yield server


@pytest.fixture(scope="module", params=["redis", "sqlite"])
def services(
    request: pytest.FixtureRequest,
    issuer_running: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Service]]:
    """Processes of one service, with one public URL and one store."""
    directory = tmp_path_factory.mktemp("shared")
    url = f"sqlite:///{directory}/shared.db"
    if request.param == "redis":
        url = f"{request.getfixturevalue('redis').url}/0"
    with ExitStack() as stack:
        yield [stack.enter_context(served(issuer_running, directory, url)) for _ in range(PROCESSES)]


def served(issuer: AuthorizationServer, directory: Path, store: str) -> AbstractContextManager[Service]:
    return running(issuer, directory, resource=RESOURCE, resource_store=store)


def proofs_of(prover: Prover, count: int = PROOFS) -> list[str]:
    return [
        prover.pair.proof("GET", "http://127.0.0.1:7999/hello", access_token=prover.token)
        for _ in range(count)
    ]


def greeted(service: Service, token: str, proof: str) -> httpx2.Response:
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof, "Host": "127.0.0.1:7999"}
    return httpx2.get(f"{service.origin}/hello", headers=headers, timeout=20, trust_env=False)


def test_a_proof_sent_to_all_processes_at_once_is_accepted_once(
    services: list[Service], issuer: AuthorizationServer
) -> None:
    with httpx2.Client() as http:
        prover = Prover.known(services[0], issuer, http)
    targets = services * COPIES
    with ThreadPoolExecutor(len(targets)) as pool:
        for proof in proofs_of(prover):
            answers = list(pool.map(lambda each, proof=proof: greeted(each, prover.token, proof), targets))
            assert sorted(each.status_code for each in answers) == [200] + [401] * (len(targets) - 1)
            refused = [each.json() for each in answers if each.status_code == 401]
            assert {each["reason_code"] for each in refused} == {"dpop_proof_replayed"}


def test_without_an_answer_of_the_store_a_proof_is_not_accepted_and_a_bearer_token_is(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    require("redis-server")
    with redis_running(tmp_path, "--save", "") as redis, served(issuer, tmp_path, redis.url) as service:
        with httpx2.Client() as http:
            prover = Prover.known(service, issuer, http)
        first, second, third = proofs_of(prover, 3)
        assert greeted(service, prover.token, first).status_code == 200
        redis.kill()
        answer = greeted(service, prover.token, second)
        assert (answer.status_code, answer.json()["reason_code"]) == (503, "store_unavailable")
        assert answer.headers["retry-after"]
        plain = {**bearer(token_for(service, issuer)), "Host": "127.0.0.1:7999"}
        assert httpx2.get(f"{service.origin}/hello", headers=plain, trust_env=False).status_code == 200
        redis.start()
        wait_until(lambda: greeted(service, prover.token, proofs_of(prover, 1)[0]).status_code == 200)
        assert greeted(service, prover.token, third).status_code == 200
