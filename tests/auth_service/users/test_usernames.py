"""When two spellings are one account."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from auth_service.protocol.usernames import MAX_USERNAME, canonical


@pytest.mark.parametrize(
    ("spelling", "canonical_name"),
    [
        ("wesen", "wesen"),
        (" Wesen ", "wesen"),
        ("WESEN", "wesen"),
        ("ｗｅｓｅｎ", "wesen"),
        ("Straße", "strasse"),
        ("wesen@client.example", "wesen@client.example"),
        ("e\u0301", "\u00e9"),
        ("x" * MAX_USERNAME, "x" * MAX_USERNAME),
    ],
)
def test_spellings_of_one_name_are_one_account(spelling: str, canonical_name: str) -> None:
    assert canonical(spelling) == canonical_name
    assert canonical(canonical_name) == canonical_name


@pytest.mark.requirement("SEC-16")
@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\t\n",
        "two words",
        "no\u00a0break",
        "nul\x00",
        "new\nline",
        "zero\u200bwidth",
        "over\u202eride",
        "soft\u00adhyphen",
        "private\ue000",
        "half\ud800",
        "x" * (MAX_USERNAME + 1),
        "\ufdfa" * 20,
    ],
)
def test_what_cannot_be_seen_or_is_too_long_is_not_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="username"):
        canonical(name)


@pytest.mark.requirement("SEC-16", "SEC-17")
def test_a_name_that_is_far_too_long_is_refused_before_it_costs_anything() -> None:
    # To put so many marks in order takes a minute, for which nobody else would be served.
    began_s = time.process_time()
    with pytest.raises(ValueError, match="username"):
        canonical("a" + "\u0301\u0316" * 100_000)
    assert time.process_time() - began_s < 1


@pytest.mark.requirement("SEC-17")
def test_space_around_a_name_takes_no_memory_afterwards() -> None:
    tracemalloc.start()
    try:
        for number in range(100):
            assert canonical(f"somebody-{number}" + " " * 50_000) == f"somebody-{number}"
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
