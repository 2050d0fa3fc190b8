"""One joined mount of a grant ends, and the others stay (GW-3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.grant import Grant, revoked
from auth_service.protocol.joined_grants import is_exchangeable_for, without_mount
from auth_service.protocol.narrowed_grants import lost_scopes, with_scopes, within_parent
from auth_service.protocol.resources import ProtectedResource
from tests.auth_service.protocol.builders import active_grant, code_grant

pytestmark = pytest.mark.requirement("GW-3")

JOINED = ProtectedResource(
    resource="https://mcp.example/all",
    name="All",
    scopes={"notes": "Notes", "notes:read": "Read", "files": "Files"},
    default_scopes=(),
    joins={"notes": "https://mcp.example/notes", "files": "https://mcp.example/files"},
)
OWN = ("openid", "offline_access")
EVERYTHING = ("notes", "notes:read", "files", *OWN)


def ended(grant: Grant, mount: str) -> tuple[Grant | None, bool]:
    return without_mount(grant, JOINED, mount, "a reason")


@pytest.mark.parametrize("grant", [active_grant(scopes=EVERYTHING), code_grant(scopes=EVERYTHING)])
def test_a_grant_loses_the_scopes_of_the_mount_and_nothing_else(grant: Grant) -> None:
    assert ended(grant, "notes") == (replace(grant, scopes=("files", *OWN)), True)
    assert ended(grant, "files") == (replace(grant, scopes=("notes", "notes:read", *OWN)), True)


@pytest.mark.parametrize("scopes", [("notes",), ("notes:read", "notes", *OWN)])
def test_a_grant_for_no_other_mount_ends(scopes: tuple[str, ...]) -> None:
    grant = active_grant(scopes=scopes)
    assert ended(grant, "notes") == (revoked(grant, "a reason"), True)


def test_a_repetition_and_an_ended_grant_change_nothing() -> None:
    grant = active_grant(scopes=("files", "openid"))
    for mount in ("notes", "openid", "file", ""):
        assert ended(grant, mount) == (None, False)
    assert ended(revoked(grant, "before"), "files") == (None, False)


def test_a_scope_that_is_configured_no_longer_is_removed_with_its_mount() -> None:
    grant = active_grant(scopes=("notes:write", "files"))
    assert ended(grant, "notes") == (replace(grant, scopes=("files",)), True)


def test_narrowed_access_tokens_lose_them_too_and_never_get_those_of_the_grant() -> None:
    narrowed = {"1": "notes:read", "2": "notes files"}
    grant = replace(active_grant(scopes=EVERYTHING), narrowed=narrowed)
    after, _ = ended(grant, "notes")
    assert after is not None
    assert after.narrowed == {"1": "", "2": "files"}
    assert (after.scopes_of(1), after.scopes_of(2), after.scopes_of(3)) == ((), ("files",), ("files", *OWN))


def test_a_derived_grant_has_no_scope_that_its_parent_has_lost() -> None:
    parent = active_grant(scopes=("notes", "files"))
    both, notes, none = (active_grant(scopes=scopes) for scopes in (("notes", "files"), ("notes",), ()))
    assert within_parent(both, parent) is both
    less = with_scopes(parent, {"files"})
    assert within_parent(both, less) == replace(both, scopes=("files",))
    assert within_parent(notes, less) is None
    assert within_parent(none, less) is none
    assert within_parent(both, revoked(parent, "a reason")) is None
    assert within_parent(both, code_grant(scopes=("notes", "files"))) is None


def test_only_tokens_of_an_active_grant_lose_scopes() -> None:
    old = active_grant(scopes=EVERYTHING)
    new = with_scopes(old, {"files"})
    assert lost_scopes(old, new) == ("notes", "notes:read", *OWN)
    assert lost_scopes(new, old) == ()
    assert lost_scopes(code_grant(scopes=EVERYTHING), new) == ()
    assert lost_scopes(old, revoked(new, "a reason")) == ()


@pytest.mark.parametrize(
    ("scopes", "target", "allowed"),
    [
        (("notes",), "https://mcp.example/notes", True),
        (("notes:read",), "HTTPS://mcp.example:443/notes", True),
        (("files", "openid"), "https://mcp.example/notes", False),
        ((), "https://mcp.example/files", False),
        ((), "https://mcp.example/elsewhere", True),
    ],
)
def test_a_token_for_the_own_resource_of_a_mount_needs_a_scope_of_it(
    scopes: tuple[str, ...], target: str, allowed: bool
) -> None:
    assert is_exchangeable_for(scopes, target, JOINED.joins) == allowed
