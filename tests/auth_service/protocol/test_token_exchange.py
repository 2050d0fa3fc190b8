"""Token exchange only ever narrows, and only under a rule (RFC 8693)."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from auth_service.protocol.errors import (
    InvalidRequestError,
    InvalidScopeError,
    InvalidTargetError,
    UnauthorizedClientError,
)
from auth_service.protocol.reasons import Reason
from auth_service.protocol.second_factor import SecondFactorPolicy
from auth_service.protocol.token_exchange import (
    MAX_PARENT_GRANTS,
    ExchangeRule,
    actor,
    check_login,
    descent,
    narrowed_scopes,
    permitted,
)
from tests.auth_service.protocol.builders import NOW, RESOURCE, active_grant
from tests.refusals import because

TARGET = "https://other.example/mcp"

pytestmark = pytest.mark.requirement("AS-12")


def rule(mode: Literal["delegation", "impersonation"] = "delegation", **changes: Any) -> ExchangeRule:
    usual: dict[str, Any] = {
        "client_id": "exchanger",
        "sources": frozenset({RESOURCE}),
        "targets": frozenset({TARGET}),
    }
    return ExchangeRule(**{**usual, **changes}, mode=mode)


def test_the_rule_for_this_client_source_and_target_is_found() -> None:
    other = rule(targets=frozenset({"https://third.example/mcp"}))
    assert permitted([other, rule()], "exchanger", active_grant(), TARGET) == rule()


@pytest.mark.parametrize("rules", [[], [rule(client_id="another")], [rule(sources=frozenset({TARGET}))]])
def test_without_a_rule_for_client_and_source_nothing_is_exchanged(rules: list[ExchangeRule]) -> None:
    with pytest.raises(UnauthorizedClientError):
        permitted(rules, "exchanger", active_grant(), TARGET)


def test_a_target_that_no_rule_names_is_refused() -> None:
    with pytest.raises(InvalidTargetError):
        permitted([rule()], "exchanger", active_grant(), RESOURCE)


@pytest.mark.parametrize(
    ("held", "supported", "requested", "granted"),
    [
        (("a", "b"), ("a", "b"), None, ("a", "b")),
        (("a", "b"), ("b", "c"), None, ("b",)),
        (("a", "b"), ("a", "b"), "b", ("b",)),
        (("a", "b"), ("a", "b"), "b a", ("a", "b")),
        (("a",), ("b",), None, ()),
    ],
)
def test_scopes_must_be_held_known_and_requested(
    held: tuple[str, ...], supported: tuple[str, ...], requested: str | None, granted: tuple[str, ...]
) -> None:
    assert narrowed_scopes(held, supported, requested) == granted


@pytest.mark.parametrize("requested", ["c", "a c", "a\x00", '"'])
def test_scopes_never_widen(requested: str) -> None:
    with pytest.raises(InvalidScopeError):
        narrowed_scopes(("a", "b"), ("a", "b", "c"), requested)


def test_delegation_says_who_acts_with_those_before_inside() -> None:
    first = actor(rule(), active_grant(), "service-1")
    assert first == {"sub": "service-1"}
    second = actor(rule(), active_grant(act=first), "service-2")
    assert second == {"sub": "service-2", "act": {"sub": "service-1"}}


def test_impersonation_adds_nobody_and_hides_nobody() -> None:
    assert actor(rule("impersonation"), active_grant(), "service-1") is None
    assert actor(rule("impersonation"), active_grant(act={"sub": "x"}), "service-1") == {"sub": "x"}


def test_what_is_derived_names_all_it_was_derived_from_nearest_first() -> None:
    source = active_grant(parent_grants=("parent", "grandparent"))
    assert descent(source) == (source.grant_id, "parent", "grandparent")
    assert descent(active_grant()) == (source.grant_id,)


def test_a_line_of_exchanges_comes_to_an_end() -> None:
    parents = tuple(f"grant-{number}" for number in range(MAX_PARENT_GRANTS))
    assert len(descent(active_grant(parent_grants=parents[1:]))) == MAX_PARENT_GRANTS
    for line in (parents, (*parents, "of an older release")):
        with pytest.raises(InvalidRequestError):
            descent(active_grant(parent_grants=line))


@pytest.mark.parametrize(("sources", "targets"), [((), (RESOURCE,)), ((RESOURCE,), ()), ((), ())])
def test_a_permission_names_sources_and_targets(sources: tuple[str, ...], targets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="must name sources and targets"):
        ExchangeRule("client-1", frozenset(sources), frozenset(targets))


@pytest.mark.requirement("ID-5")
@pytest.mark.parametrize(
    ("login", "resource", "refused"),
    [
        ({"auth_time": NOW, "acr": None}, TARGET, True),
        ({"auth_time": NOW, "acr": "federated"}, TARGET, True),
        ({"auth_time": NOW, "acr": "mfa"}, TARGET, False),
        ({"auth_time": None, "acr": None}, TARGET, False),
        ({"auth_time": NOW, "acr": None}, RESOURCE, False),
    ],
)
def test_a_resource_that_needs_a_second_factor_needs_it_of_the_login_behind_an_exchange(
    login: dict[str, Any], resource: str, refused: bool
) -> None:
    policy = SecondFactorPolicy(resources=frozenset({TARGET}))
    source = active_grant(**login)
    if not refused:
        check_login(source, policy, resource, ())
        return
    with pytest.raises(InvalidTargetError, check=because(Reason.SECOND_FACTOR_REQUIRED)):
        check_login(source, policy, resource, ())
