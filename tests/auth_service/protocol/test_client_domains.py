"""Which domains may introduce clients."""

from __future__ import annotations

import pytest

from auth_service.protocol.client_domains import DomainPolicy, Trust, check_pattern

pytestmark = pytest.mark.requirement("AS-8")


@pytest.mark.parametrize("otherwise", Trust)
def test_a_domain_on_neither_list_is_treated_as_the_operator_says(otherwise: Trust) -> None:
    assert DomainPolicy(otherwise, ("a.example",), ("b.example",)).trust_in("c.example") is otherwise


@pytest.mark.parametrize("otherwise", Trust)
def test_a_listed_domain_is_treated_as_its_list_says(otherwise: Trust) -> None:
    policy = DomainPolicy(otherwise, ("a.example",), ("b.example",))
    assert policy.trust_in("a.example") is Trust.ALLOW
    assert policy.trust_in("b.example") is Trust.DENY


def test_deny_wins() -> None:
    policy = DomainPolicy(Trust.ALLOW, ("*.example.com", "example.com"), ("evil.example.com", "example.com"))
    assert policy.trust_in("evil.example.com") is Trust.DENY
    assert policy.trust_in("example.com") is Trust.DENY
    assert policy.trust_in("good.example.com") is Trust.ALLOW


@pytest.mark.parametrize(
    ("host", "matched"),
    [
        ("a.example.com", True),
        ("a.b.example.com", True),
        ("example.com", False),
        ("evilexample.com", False),
        ("example.com.evil.example", False),
    ],
)
def test_a_star_stands_for_everything_below_a_domain(host: str, matched: bool) -> None:
    assert (DomainPolicy(Trust.DENY, ("*.example.com",)).trust_in(host) is Trust.ALLOW) is matched


@pytest.mark.parametrize(
    "pattern", ["example.com", "*.example.com", "localhost", "127.0.0.1", "xn--a-1.example"]
)
def test_a_pattern_is_a_domain_or_all_below_one(pattern: str) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "pattern", ["", "*", "*.", "Example.com", "https://example.com", "ex*mple.com", "a b", "."]
)
def test_nothing_else_is_a_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="not a domain"):
        check_pattern(pattern)


def test_there_are_such_clients_unless_all_are_denied() -> None:
    assert DomainPolicy(Trust.ASK).admits_any
    assert DomainPolicy(Trust.DENY, allow=("a.example",)).admits_any
    assert not DomainPolicy(Trust.DENY).admits_any
