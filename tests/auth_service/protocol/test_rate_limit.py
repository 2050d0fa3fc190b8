"""Which networks an attempt counts against."""

from __future__ import annotations

import itertools

import pytest

from auth_service.protocol.rate_limit import IPV6_FACTORS, Scope, scopes_of


@pytest.mark.parametrize("network", ["192.0.2.7/32", "all", "unknown", "2001:db8::/48"])
def test_an_ipv4_address_and_anything_else_counts_for_itself_alone(network: str) -> None:
    assert scopes_of(network) == (Scope(network, 1),)


@pytest.mark.requirement("BOUND-3")
def test_an_ipv6_link_counts_against_the_site_that_it_is_part_of() -> None:
    assert scopes_of("2001:db8:1:2ff::/64") == (
        Scope("2001:db8:1:2ff::/64", 1),
        Scope("2001:db8:1:200::/56", 4),
        Scope("2001:db8:1::/48", 16),
    )


def test_a_wider_network_may_do_more_and_far_less_than_all_its_parts() -> None:
    factors = list(IPV6_FACTORS.items())
    for (narrow, factor), (wide, wider_factor) in itertools.pairwise(factors):
        assert factor < wider_factor < factor * 2 ** (narrow - wide)
