"""The table of all faults that were tried, after the other files of this directory."""

from __future__ import annotations

import sys

import pytest

from tests.faults.ledger import table

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("faults")]


def test_the_outcomes_are_printed() -> None:
    sys.stdout.write(f"\n{table()}\n")
    assert table().startswith("| scenario")
