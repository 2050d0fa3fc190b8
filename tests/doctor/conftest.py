"""A stage for the doctor's patients, and a way to examine them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.cli.doctor.login import walk
from tests.doctor.pair import Pair
from tests.doctor.serving import Stage, staging


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with staging() as started:
        yield started


@pytest.fixture
def pair(stage: Stage) -> Pair:
    """A pair that does everything right."""
    return stage.put_on()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Revoke only at once: a later revocation never happens."""
    monkeypatch.setattr(walk, "REVOCATION_TAKES_S", 0.0)
