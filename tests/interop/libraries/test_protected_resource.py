"""A token bound to a key, got and used by oauth4webapi and openid-client, against both services."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.services import Deployment, deployed, start
from tests.flow import Person
from tests.interop.libraries.npm import run


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("bound")
    with deployed(f"sqlite:///{directory}/auth.sqlite3", directory) as deployment:
        yield deployment


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person(trust_env=False)
    yield person
    person.close()


@pytest.mark.requirement("EXT-3", "SEC-11")
@pytest.mark.parametrize("nonces", [False, True], ids=["without nonces", "with nonces"])
def test_oauth4webapi_calls_the_resource_with_a_bound_token(
    pair: Deployment, person: Person, nonces: bool
) -> None:
    if nonces:
        pair.resource.stop()
        pair.resource.settings["DOORWARD_DPOP_NONCE"] = "true"
        start([pair.resource])
    result = run("protected.mjs", pair.issuer, pair.mcp_url, person=person)
    assert result["type"] == "dpop"
    assert result["algorithms"] == ["ES256", "RS256", "PS256"]
    assert result["greeting"] == "Hello wesen, your request to MCP is authorized!"
    assert "wesen" in result["answer"]
    assert result["again"] == 200
    assert result["downgraded"] == [["bearer", "invalid_token"]]
    assert result["stolen"] == [["dpop", "invalid_token"]]
    # A thief's first proof is told of the nonce too, like any first proof.
    assert result["nonces"] == {"server": 1, "resource": 2 if nonces else 0}
