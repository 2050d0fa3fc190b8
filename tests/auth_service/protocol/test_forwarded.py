"""The addresses in Forwarded and X-Forwarded-For, in valid and malformed headers (RFC 7239 §4)."""

from __future__ import annotations

import time

import pytest

from auth_service.protocol.forwarded import (
    ILLEGIBLE,
    MAX_HOPS,
    forwarded_hops,
    has_malformed_line,
    x_forwarded_for_hops,
)

pytestmark = pytest.mark.requirement("BOUND-1", "BOUND-3", "AS-23")


@pytest.mark.parametrize(
    ("lines", "hops"),
    [
        ([], []),
        (["for=192.0.2.60;proto=http;by=203.0.113.43"], ["192.0.2.60"]),
        (['For="[2001:db8:cafe::17]:4711"'], ["[2001:db8:cafe::17]:4711"]),
        (["for=192.0.2.43, for=198.51.100.17"], ["192.0.2.43", "198.51.100.17"]),
        (["for=192.0.2.43", "for=198.51.100.17"], ["192.0.2.43", "198.51.100.17"]),
        (['for="_gazonk"', "for=unknown"], ["_gazonk", "unknown"]),
        (['by=203.0.113.43;FOR="192.0.2.60:80"; host="a,b;for=1"'], ["192.0.2.60:80"]),
        (['for="192.0.2\\.60"'], ["192.0.2.60"]),
        # Not quoted, as many proxies write them.
        (["for=192.0.2.60:4711"], ["192.0.2.60:4711"]),
        (["for=[2001:db8::1]:80"], ["[2001:db8::1]:80"]),
        # An element without an address, or with two of them, is a hop all the same.
        (["proto=https"], [ILLEGIBLE]),
        (["for=192.0.2.1, , for=192.0.2.2"], ["192.0.2.1", ILLEGIBLE, "192.0.2.2"]),
        (["for=192.0.2.1;for=192.0.2.2"], [ILLEGIBLE]),
        ([""], [ILLEGIBLE]),
        # Broken: a client must not be able to hide what a proxy appended to its line.
        (['for=192.0.2.1;x=", for=198.51.100.7'], [ILLEGIBLE]),
        (['for=192.0.2.1;x=", for="[2001:db8::5]"'], [ILLEGIBLE]),
        (['for=192.0.2.1;x=", for=198.51.100.7;host="a"'], [ILLEGIBLE]),
        (['for=192.0.2.1;x="\\, for=198.51.100.7'], [ILLEGIBLE]),
        (['for="192.0.2.1"x, for=198.51.100.7'], [ILLEGIBLE]),
        (["for = 192.0.2.1"], [ILLEGIBLE]),
        (["192.0.2.1"], [ILLEGIBLE]),
        (["for="], [ILLEGIBLE]),
        (['"'], [ILLEGIBLE]),
        (["for=192.0.2.1\x00"], [ILLEGIBLE]),
        (["for=m\u00fcnchen"], [ILLEGIBLE]),
        # On a line of its own, what a proxy wrote is read all the same.
        (['for="192.0.2.1', "for=198.51.100.7"], [ILLEGIBLE, "198.51.100.7"]),
        (["for=192.0.2.1".ljust(4_096)], ["192.0.2.1"]),
        (["for=192.0.2.1".ljust(4_097)], [ILLEGIBLE]),
    ],
)
def test_each_element_of_forwarded_is_a_hop(lines: list[str], hops: list[str]) -> None:
    assert forwarded_hops(lines) == hops


def test_the_last_hops_are_read_and_what_is_beyond_them_is_illegible() -> None:
    addresses = [f"10.0.0.{n}" for n in range(100)]
    last = [ILLEGIBLE, *addresses[-MAX_HOPS:]]
    assert forwarded_hops([", ".join(f"for={address}" for address in addresses)]) == last
    assert forwarded_hops([f"for={address}" for address in addresses]) == last
    assert x_forwarded_for_hops([",".join(addresses)]) == last
    assert x_forwarded_for_hops(addresses) == last
    for count in (1, MAX_HOPS):
        assert x_forwarded_for_hops(addresses[:count]) == addresses[:count]
        assert forwarded_hops([f"for={address}" for address in addresses[:count]]) == addresses[:count]
        assert forwarded_hops([",".join(f"for={hop}" for hop in addresses[:count])]) == addresses[:count]


@pytest.mark.parametrize(
    ("lines", "malformed"),
    [
        ([], False),
        (["for=192.0.2.1", "for=192.0.2.2"], False),
        (["for=192.0.2.1", 'for="'], True),
        (['for="', *["for=192.0.2.1"] * (MAX_HOPS - 1)], True),
        (['for="', *["for=192.0.2.1"] * MAX_HOPS], False),
    ],
)
def test_of_the_lines_that_are_read_it_is_known_whether_one_is_malformed(
    lines: list[str], malformed: bool
) -> None:
    assert has_malformed_line(lines) is malformed


@pytest.mark.parametrize("text", ["for=1.1.1.1,", 'for="', ",", "a", 'a="\\', "for=x;", '"', "10.0.0.1,"])
def test_a_header_of_any_length_is_read_in_no_time(text: str) -> None:
    lines = [text * (65_536 // len(text)), *([text * 500] * 100)]
    costs_s = []
    for _ in range(5):  # a collection of garbage may fall into one of them
        before = time.process_time()
        assert len(forwarded_hops(lines)) <= MAX_HOPS + 1
        assert len(x_forwarded_for_hops(lines)) <= MAX_HOPS + 1
        costs_s.append(time.process_time() - before)
    assert min(costs_s) < 0.05
