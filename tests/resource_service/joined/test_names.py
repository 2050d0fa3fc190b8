"""The names behind the joined URL are reversible and never the same (GW-3)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_service.messages.joined_names import (
    check_names,
    joined_id,
    joined_name,
    joined_scope,
    joined_uri,
    scopes_about,
    scopes_of,
    split_id,
    split_name,
    split_scope,
    split_uri,
)

pytestmark = pytest.mark.requirement("GW-3")
mounts = st.from_regex(re.compile(r"[A-Za-z][A-Za-z0-9-]{0,23}"), fullmatch=True)
texts = st.text(max_size=40)
ids = st.one_of(st.integers(), texts)
PAIRS = [(joined_name, split_name), (joined_uri, split_uri), (joined_scope, split_scope)]


@given(mounts, texts)
def test_every_name_leads_back_to_its_mount(mount: str, name: str) -> None:
    for join, split in PAIRS:
        assert split(join(mount, name)) == (mount, name)


@given(mounts, ids)
def test_every_id_leads_back_to_its_mount(mount: str, request_id: str | int) -> None:
    split = split_id(joined_id(mount, request_id))
    assert split == (mount, request_id)
    assert split is not None
    assert type(split[1]) is type(request_id)


@given(texts)
def test_any_other_text_has_no_id(text: str) -> None:
    split = split_id(text)
    assert split is None or joined_id(*split) == text


@pytest.mark.parametrize(
    "text", ["github_true", "github_1.0", "github_ 1", "github_null", "github_[1]", 7, None]
)
def test_an_id_has_one_spelling(text: object) -> None:
    assert split_id(text) is None


def test_a_section_has_its_own_scopes_only() -> None:
    scopes = ["github", "github:read", "git:read", "git", "githubs:x", "openid"]
    assert scopes_of("github", scopes) == ("read",)
    assert scopes_of("git", scopes) == ("read",)
    assert scopes_of("githubs", scopes) == ("x",)
    assert scopes_of("hub", scopes) is None
    assert scopes_of("github", ["github"]) == ()


@pytest.mark.parametrize(
    "names",
    [
        ["a_b"],
        ["a.b"],
        ["a~"],
        ["1a"],
        ["-a"],
        ["a" * 25],
        ["GitHub", "github"],
        ["openid"],
        ["Doorward"],
        ["é"],
    ],
)
def test_mounts_that_cannot_be_joined_are_an_error(names: list[str]) -> None:
    with pytest.raises(ValueError, match="cannot"):
        check_names(names)


def test_the_tools_for_searching_reserve_their_names() -> None:
    check_names(["search", "call"])
    for name in ("search", "call"):
        with pytest.raises(ValueError, match="reserved"):
            check_names([name], search=True)


def test_the_scopes_about_a_mount_keep_their_names() -> None:
    scopes = ("github", "github:read", "githubs:x", "files", "openid", "github:a:b")
    assert scopes_about("github", scopes) == ("github", "github:read", "github:a:b")
    assert scopes_about("git", scopes) == ()
