"""Each row of the table of tolerances in docs/reference/protocol.md, on each leg, for every client profile.

The rows themselves are tested on both stores elsewhere; here one server and one connection of each client do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auth_service.fetching import Fetcher
from tests.profiles.client import Client
from tests.profiles.credentials import Signer
from tests.profiles.deployment import EACH, Deployment
from tests.profiles.profile import PROFILES, Way
from tests.profiles.tolerances import LEGS, Case

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("profiles"),
    pytest.mark.requirement("AS-5", "AS-11", "AS-21"),
]

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "protocol.md"

CROSS = [
    pytest.param(number, name, way, id=f"{each.row[:24]}-{each.name}-{name}-{way}")
    for number, each in enumerate(LEGS)
    for name, way in EACH
    if each.applies(PROFILES[name], way)
]


@pytest.fixture(scope="module")
def tolerant(
    tmp_path_factory: pytest.TempPathFactory, new_fetcher: Callable[[], Fetcher], signer: Signer
) -> Iterator[Deployment]:
    """Both services, on one store."""
    directory = tmp_path_factory.mktemp("tolerances")
    deployment = Deployment(lambda: f"sqlite:///{directory}/doorward.db", new_fetcher, signer, directory)
    with deployment.up():
        yield deployment
        assert deployment.server.failures == []


@pytest.fixture(scope="module")
def connections() -> dict[tuple[str, Way], Client]:
    """The clients that have connected already."""
    return {}


@pytest.fixture
def case(
    name: str, way: Way, tolerant: Deployment, connections: dict[tuple[str, Way], Client]
) -> Iterator[Case]:
    """The client, connected once for all rows."""
    with tolerant.client(name, way) as client:
        if before := connections.get((name, way)):
            client.kept, client.port, client.evidence = before.kept, before.port, before.evidence
        else:
            client.connect()
            connections[name, way] = client
        yield Case(client, tolerant)


@pytest.mark.parametrize(("number", "name", "way"), CROSS)
def test_what_is_tolerated_is_tolerated_of_every_client_on_every_leg(number: int, case: Case) -> None:
    LEGS[number].check(case)


def test_every_row_of_the_table_is_crossed_with_every_client() -> None:
    table = TABLE.read_text().partition("## What is tolerated")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| ", table, re.MULTILINE)
    assert [row for row in rows if row != "tolerated"]
    assert {each.row for each in LEGS} == set(rows) - {"tolerated", "---"}
    crossed = {(each.values[1], each.values[2]) for each in CROSS}
    assert crossed == set(EACH)
