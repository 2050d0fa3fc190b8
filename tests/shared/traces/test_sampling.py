"""Which requests are recorded, and whose word counts."""

from __future__ import annotations

import pytest

from shared.traces.sampling import Sampler
from shared.traces.traceparent import Parent, format_traceparent, parse_traceparent

pytestmark = pytest.mark.requirement("JR-7")

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_the_cost_of_traces_does_not_grow_with_the_load() -> None:
    sampler = Sampler(1.0, 10.0)
    assert sum(sampler.begins(100.0 + number / 1_000) for number in range(2_000)) in range(28, 31)


def test_callers_who_ask_for_a_recording_get_no_more_than_their_own_allowance() -> None:
    sampler = Sampler(1.0, 10.0)
    asks = Parent(TRACE, SPAN, sampled=True)
    assert sum(sampler.joins(asks, 100.0) for _ in range(1_000)) == 20
    assert sampler.begins(100.0)


def test_a_caller_can_ask_not_to_be_recorded() -> None:
    assert not Sampler(1.0, 10.0).joins(Parent(TRACE, SPAN, sampled=False), 100.0)


def test_a_ratio_of_zero_records_nothing_that_begins_here() -> None:
    sampler = Sampler(0.0, 10.0)
    assert not any(sampler.begins(float(number)) for number in range(100))


@pytest.mark.parametrize(
    ("header", "parent"),
    [
        (f"00-{TRACE}-{SPAN}-01", Parent(TRACE, SPAN, sampled=True)),
        (f"00-{TRACE}-{SPAN}-00", Parent(TRACE, SPAN, sampled=False)),
        (f"cc-{TRACE}-{SPAN}-09-what the future holds", Parent(TRACE, SPAN, sampled=True)),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-01\n", None),
        (f"cc-{TRACE}-{SPAN}-01-" + "x" * 100, None),
        ("", None),
    ],
)
def test_a_traceparent_is_read_as_its_specification_says(header: str, parent: Parent | None) -> None:
    assert parse_traceparent(header) == parent


def test_a_traceparent_is_read_as_it_was_written() -> None:
    assert parse_traceparent(format_traceparent(TRACE, SPAN, sampled=True)) == Parent(
        TRACE, SPAN, sampled=True
    )
