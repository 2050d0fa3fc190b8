"""Patterns and readings of URIs, and that matching does not take longer than a client may make it take."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from itertools import product

import pytest

from resource_service.policy.patterns import covers, matches
from resource_service.policy.uris import readings


@pytest.mark.parametrize(
    "pattern", ["", "*", "a", "a*", "*a", "a*b", "*a*", "a*b*a", "**", "a**b", "*ab*ba*", "ab*ab", "*b*b"]
)
def test_a_star_is_any_text_and_nothing_else_is_special(pattern: str) -> None:
    names = ["".join(letters) for length in range(7) for letters in product("ab", repeat=length)]
    assert [name for name in names if matches(pattern, name)] == [
        name for name in names if fnmatchcase(name, pattern)
    ]


@pytest.mark.parametrize("name", ["a.c", "a?c", "[ac]", "a\nc", "A.C", "a\\c"])
def test_what_is_special_elsewhere_is_not_here(name: str) -> None:
    assert matches(name, name)
    assert not matches(name, "abc")
    assert matches("a*", name) == name.startswith("a")


@pytest.mark.parametrize(
    ("pattern", "other", "covered"),
    [
        ("*", "a*", True),
        ("a*", "*", False),
        ("a*", "ab*c", True),
        ("a*b", "a**b", True),
        ("*a*", "b*a", True),
        ("a*b", "a*", False),
        ("*a", "a*a", True),
        ("a*a", "*a", False),
        ("a", "a", True),
    ],
)
def test_a_pattern_covers_another_if_it_means_all_that_it_means(
    pattern: str, other: str, covered: bool
) -> None:
    assert covers(pattern, other) is covered
    if covered:
        names = ["".join(letters) for length in range(6) for letters in product("abc", repeat=length)]
        assert all(matches(pattern, name) for name in names if matches(other, name))


def test_matching_is_quick_whatever_a_client_sends() -> None:
    started = time.process_time()
    assert not matches("*a*a*a*a*a*b", "a" * 1_000_000)
    assert list(readings("%" + "25" * 1_000_000))[-1] == ""
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    ("uri", "spelled"),
    [
        ("file:///notes/1", {"file:///notes/1"}),
        ("file:///notes/", {"file:///notes/"}),
        ("file:///notes/../keys", {"file:///notes/../keys", "file:///keys"}),
        ("file:///notes/./1", {"file:///notes/./1", "file:///notes/1"}),
        ("file:///notes//..//keys", {"file:///notes//..//keys", "file:///keys", "file:///notes//keys"}),
        ("FILE:///notes", {"FILE:///notes", "file:///notes"}),
        ("notes://Mine/1", {"notes://Mine/1", "notes://mine/1"}),
        ("notes://mine/../yours", {"notes://mine/../yours", "notes://mine/yours", "notes://yours"}),
        ("notes:mine/../yours", {"notes:mine/../yours", "notes:yours"}),
        ("file:///a%20b", {"file:///a%20b", "file:///a b"}),
        ("file:///a\\..\\b", {"file:///a\\..\\b", "file:///b"}),
        ("no scheme", {"no scheme"}),
    ],
)
def test_a_uri_is_read_in_every_way_that_a_server_may_read_it(uri: str, spelled: set[str]) -> None:
    assert set(readings(uri)) == spelled


def test_a_uri_that_is_encoded_again_and_again_ends_in_a_name_that_nothing_has() -> None:
    assert list(readings("notes://%252525252e"))[-1] == ""
