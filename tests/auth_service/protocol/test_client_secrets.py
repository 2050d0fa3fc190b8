"""Secrets of clients are replaced without an outage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.client_secrets import accepted_hashes, rotated
from tests.auth_service.protocol.builders import NOW, client

pytestmark = pytest.mark.requirement("SEC-8")

WEEK_S = 604_800
WITH_SECRET = replace(client(token_endpoint_auth_method="client_secret_basic"), secret_hash="one")


def test_the_previous_secret_works_for_a_week_and_an_older_one_ends_at_once() -> None:
    once = rotated(WITH_SECRET, "two", NOW)
    assert once is not None
    assert accepted_hashes(WITH_SECRET, NOW) == ("one",)
    assert accepted_hashes(once, NOW + WEEK_S - 1) == ("two", "one")
    assert accepted_hashes(once, NOW + WEEK_S) == accepted_hashes(once, NOW + WEEK_S + 1) == ("two",)
    twice = rotated(once, "three", NOW + 5)
    assert twice is not None
    assert accepted_hashes(twice, NOW + 5) == ("three", "two")


def test_nothing_is_rotated_without_a_secret_or_to_the_same_one() -> None:
    assert rotated(client(), "two", NOW) is None
    assert rotated(WITH_SECRET, "one", NOW) is None


def test_a_previous_secret_without_a_time_or_a_time_without_a_secret_is_not_accepted() -> None:
    assert accepted_hashes(replace(WITH_SECRET, previous_secret_until=NOW + 1), NOW) == ("one",)
    assert accepted_hashes(replace(WITH_SECRET, previous_secret_hash="zero"), NOW) == ("one",)
