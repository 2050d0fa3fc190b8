"""A fault under load, between two authorization servers and their store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.storage import Durability, Store, open_store
from tests.auth_service.service import AuthorizationServer, running
from tests.faults.ledger import Outcome, under_load

ROUNDS = int(os.environ.get("DOORWARD_SOAK_FAULTS", "1"))


@contextmanager
def two_servers(url: str, durability: Durability = Durability()) -> Iterator[list[AuthorizationServer]]:  # noqa: B008
    """Two processes' worth of authorization servers, with one issuer and one store."""

    def durable(_: Store) -> Store:
        return open_store(url, durability)

    with running(url, around=durable) as one, running(url, around=durable, issuer=one.issuer) as other:
        yield [one, other]


def tried(
    scenario: str,
    url: str,
    fault: Callable[[], None],
    repair: Callable[[], None],
    durability: Durability = Durability(),  # noqa: B008
) -> Outcome:
    """Let the fault happen under load, repair it, and audit what was acknowledged."""
    outcome = Outcome(f"{scenario}, {durability.mode}")
    with two_servers(url, durability) as servers, under_load(outcome, servers) as load:
        for _ in range(ROUNDS):
            load.goes_on()
            fault()
            repair()
            outcome.recovery_s = max(outcome.recovery_s, load.goes_on())
    return outcome


def nothing_missing(outcome: Outcome) -> None:
    assert (outcome.lost, outcome.revived, outcome.logged_out) == (0, 0, 0), outcome
    assert outcome.acknowledged > 0
