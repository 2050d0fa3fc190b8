"""The list of stops between the two services."""

from __future__ import annotations

import pytest

from shared.stops import MAX_STOPS, MalformedStopsError, Stop, StopKind, stops_from_wire, stops_to_wire

pytestmark = pytest.mark.requirement("GW-5")

STOPS = (
    Stop(kind=StopKind.TOOL, name="delete_*", resource="https://a.example/mcp", reason="a fault"),
    Stop(kind=StopKind.MOUNT, name="https://a.example/mcp"),
    Stop(kind=StopKind.CLIENT, name="c"),
    Stop(kind=StopKind.PERSON, name="alice"),
)
WIRE = {"kind": "tool", "name": "x", "reason": ""}


def test_a_list_is_read_as_it_was_written() -> None:
    assert stops_from_wire(stops_to_wire(STOPS)) == STOPS
    assert stops_from_wire([]) == ()
    assert stops_from_wire([{**WIRE, "added": "by a later release"}]) == (Stop(kind=StopKind.TOOL, name="x"),)


@pytest.mark.parametrize(
    "document",
    [
        *(None, {}, "tool", 7, [7], [None], [[]], [{}]),
        *([{**WIRE, "kind": "planet"}], [{**WIRE, "kind": 7}], [{**WIRE, "name": None}]),
        *([{**WIRE, "resource": 7}], [{**WIRE, "reason": None}], [{"kind": "tool", "name": "x"}]),
        [WIRE] * (MAX_STOPS + 1),
    ],
)
def test_a_list_that_cannot_be_understood_is_an_error_and_not_an_empty_list(document: object) -> None:
    with pytest.raises(MalformedStopsError):
        stops_from_wire(document)
