"""The policy in the metadata."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resource_service.policy.published import described, published
from resource_service.policy.rules import Policy, Scopes

pytestmark = pytest.mark.requirement("RS-4")

POLICY = Policy(
    scopes={"read": "Read", "write": "Write", "admin": "Everything"},
    includes={"admin": frozenset({"write", "read"})},
    default=Scopes({"admin"}),
    tools={"get_*": Scopes({"read"}), "put": Scopes({"write", "read"})},
    prompts={"hello": Scopes({"read"})},
    resources={"notes://*": Scopes({"write"})},
    publish=True,
)


def test_each_scope_is_described_with_what_needs_it() -> None:
    assert {
        scope: published_scope.model_dump(exclude_none=True)
        for scope, published_scope in described(POLICY).items()
    } == {
        "read": {"description": "Read", "tools": ["get_*", "put"], "prompts": ["hello"]},
        "write": {"description": "Write", "tools": ["put"], "resources": ["notes://*"]},
        "admin": {"description": "Everything", "includes": ["read", "write"], "everything_else": True},
    }


def test_a_policy_is_published_only_if_it_says_so_and_says_something() -> None:
    assert published(POLICY) == described(POLICY)
    assert published(replace(POLICY, publish=False)) is None
    assert published(Policy(scopes={}, default=Scopes(), publish=True)) is None
