"""Approvals of administrators over the pins of a process: what was shown, and nothing later (GW-4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from resource_service.pins.comparison import Change, value_changes
from resource_service.pins.definitions import (
    Definition,
    DefinitionKind,
    Difference,
    Pins,
    definitions_in,
    digest,
)
from resource_service.pins.keeper import PinKeeper
from resource_service.pins.lock_file import lock_path, read_lock, write_lock
from resource_service.pins.reports import MAX_HELD_BYTES, reports
from shared.journal.event import EventKind
from shared.pinned_definitions import (
    INSTRUCTIONS,
    MAX_HELD,
    Approvals,
    ApprovedDefinition,
    approvals_from_wire,
    report_from_wire,
)

pytestmark = pytest.mark.requirement("GW-4")

RESOURCE, TOOL = "https://mcp.example", DefinitionKind.TOOL
NOTE = {"name": "add_note", "description": "Add a note."}
LATER = NOTE | {"description": "Add a note, and mail it."}
LATEST = NOTE | {"description": "Add a note, and mail it twice."}
NEW = {"name": "fetch", "description": "Fetch a page."}

Event = tuple[EventKind, Mapping[str, object]]


def definition(value: dict[str, Any]) -> Definition:
    return Definition(TOOL, value["name"], value)


def approval(value: dict[str, Any], base: dict[str, Any] | None) -> ApprovedDefinition:
    before = None if base is None else digest(base)
    return ApprovedDefinition("tools", value["name"], before, digest(value))


def keeper(*pinned: dict[str, Any], lock: Path | None = None, events: list[Event] | None = None) -> PinKeeper:
    noted: list[Event] = [] if events is None else events
    keeper = PinKeeper(RESOURCE, lock, None, lambda kind, members: noted.append((kind, members)))
    if pinned:
        keeper.pin(TOOL, definitions_in(TOOL, pinned))
    return keeper


def held(keeper: PinKeeper, value: dict[str, Any]) -> Difference | None:
    difference = keeper.difference(definition(value))
    if difference is not None:
        keeper.note_held(definition(value), difference)
    return difference


def test_what_is_held_is_approved_at_once_and_what_changes_later_is_not() -> None:
    events: list[Event] = []
    pins = keeper(NOTE, events=events)
    assert held(pins, LATER) is Difference.CHANGED
    pins.take_approved([approval(LATER, NOTE)])
    assert held(pins, LATER) is None
    assert pins.held == Pins({TOOL: {}})
    assert held(pins, LATEST) is Difference.CHANGED
    assert held(pins, NOTE) is Difference.CHANGED, "what was approved has taken its place"
    approved = [members for kind, members in events if kind is EventKind.DEFINITION_APPROVED]
    assert [(each["by"], each["before"], each["after"]) for each in approved] == [
        ("administrator", digest(NOTE), digest(LATER))
    ]


def test_an_approval_that_comes_first_applies_when_the_definition_is_seen() -> None:
    pins = keeper(NOTE)
    pins.take_approved([approval(LATER, NOTE), approval(NEW, None)])
    assert held(pins, LATEST) is Difference.CHANGED
    assert held(pins, LATER) is None
    assert held(pins, NEW) is None
    assert pins.base.approved[TOOL].keys() == {"add_note"}


def test_an_approval_does_not_apply_once_something_else_is_pinned() -> None:
    pins = keeper(LATEST)
    pins.take_approved([approval(LATER, NOTE)])
    assert held(pins, LATER) is Difference.CHANGED


def test_a_withdrawn_approval_holds_the_definition_again() -> None:
    pins = keeper(NOTE)
    pins.take_approved([approval(LATER, NOTE)])
    assert held(pins, LATER) is None
    pins.take_approved([])
    assert held(pins, LATER) is Difference.CHANGED
    assert held(pins, NOTE) is None


def test_an_approved_definition_does_not_stand_for_the_first_list() -> None:
    pins = keeper()
    pins.take_approved([approval(NEW, None)])
    assert held(pins, NEW) is None
    pins.pin(TOOL, definitions_in(TOOL, [NOTE, NEW]))
    assert held(pins, NOTE) is None


def test_instructions_are_approved_by_their_digest_too() -> None:
    pins = keeper()
    pins.pin_instructions("Be brief.")
    assert pins.differs("Be long.")
    pins.note_held_instructions("Be long.")
    pins.take_approved([ApprovedDefinition(INSTRUCTIONS, "", digest("Be brief."), digest("Be long."))])
    assert not pins.differs("Be long.")
    assert pins.differs("Be evil.")
    assert pins.held.instructions is None


def test_instructions_that_are_not_unicode_are_pinned_held_and_reported() -> None:
    pins = keeper(NOTE)
    pins.pin_instructions("Be \ud800 brief.")
    assert held(pins, NOTE) is None
    pins.take_approved([approval(LATER, NOTE)])
    assert held(pins, LATER) is None
    assert not pins.differs("Be \ud800 brief.")
    assert pins.differs("Be \ud801 brief.")
    pins.note_held_instructions("Be \ud801 brief.")
    (report,) = reports(RESOURCE, "p", base=pins.base, pins=pins.pins, held=pins.held)
    sent = report_from_wire(json.loads(report.to_wire()))
    [instructions] = [each for each in sent.held if each.definition == INSTRUCTIONS]
    assert instructions.base != instructions.digest
    pins.take_approved([ApprovedDefinition(INSTRUCTIONS, "", instructions.base, instructions.digest)])
    assert not pins.differs("Be \ud801 brief.")


@pytest.mark.anyio
async def test_the_lock_file_stays_as_it_is_and_a_change_of_it_wins(tmp_path: Path) -> None:
    lock = lock_path(tmp_path / "policy.yaml")
    write_lock(lock, Pins().with_kind(TOOL, [definition(NOTE)]))
    pins = keeper(lock=lock)
    pins.take_approved([approval(LATER, NOTE)])
    assert held(pins, LATER) is None
    before = read_lock(lock)
    write_lock(lock, Pins().with_kind(TOOL, [definition(LATEST)]))
    async with pins.run():
        while held(pins, LATEST) is not None:  # noqa: ASYNC110 -- another task changes it
            await anyio.sleep(0.02)
        assert held(pins, LATER) is Difference.CHANGED
    assert before is not None
    assert before.approved[TOOL]["add_note"].value == NOTE


def test_a_report_names_what_is_held_in_place_of_what() -> None:
    pins = keeper(NOTE)
    held(pins, LATER)
    held(pins, NEW)
    pins.note_held_instructions("Be evil.")
    (report,) = reports(RESOURCE, "p", base=pins.base, pins=pins.pins, held=pins.held)
    assert report == report_from_wire(json.loads(report.to_wire()))
    assert [(each.definition, each.name, each.difference, each.base) for each in report.held] == [
        ("tools", "add_note", "changed", digest(NOTE)),
        ("tools", "fetch", "new", None),
        ("instructions", "", "new", None),
    ]
    assert report.all_held == tuple(each.identity for each in report.held)
    assert [(each.definition, each.count, each.names) for each in report.pinned] == [
        ("tools", 1, ("add_note",))
    ]
    (change,) = report.held[0].changes or ()
    assert change == ("/description", (("=", "Add a note"), ("+", ", and mail it"), ("=", ".")))


def test_reports_fit_into_requests_and_what_is_too_long_is_left_to_the_lock_file() -> None:
    pins = keeper(NOTE)
    for number in range(MAX_HELD + 5):
        held(pins, {"name": f"tool-{number:03}", "description": "é" * (2_000 if number else 20_000)})
    sent = reports(RESOURCE, "p", base=pins.base, pins=pins.pins, held=pins.held)
    assert all(len(report.to_wire()) < MAX_HELD_BYTES + 24_000 for report in sent)
    definitions = [each for report in sent for each in report.held]
    assert len(definitions) == MAX_HELD
    assert [each.changes is None for each in definitions] == [True] + [False] * (MAX_HELD - 1)
    assert {report.all_held for report in sent} == {tuple(each.identity for each in definitions)}


def test_long_texts_that_differ_everywhere_are_compared_as_a_whole() -> None:
    old, new = "a b " * 5_000, "b a c " * 5_000
    (change,) = value_changes(Change("tools", "t", {"name": old}, {"name": new}))
    assert "".join(text for effect, text in change.parts if effect != "+") == old
    assert "".join(text for effect, text in change.parts if effect != "-") == new
    assert len(change.parts) < 5


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        {"version": 1, "approved": []},
        {"version": "x" * 65, "approved": []},
        {"version": "1", "approved": [{}]},
        {"version": "1", "approved": [{"definition": "x", "name": "a", "base": None, "digest": "d"}]},
        {"version": "1", "approved": [{"definition": "tools", "name": "a", "base": 1, "digest": "d"}]},
        {
            "version": "1",
            "approved": [{"definition": "tools", "name": 1, "base": None, "digest": "d"}],
        },
        {"version": "1", "approved": [{}] * 501},
    ],
)
def test_a_response_that_cannot_be_understood_approves_nothing(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        approvals_from_wire(wrong)


def test_approvals_are_read_as_they_were_written() -> None:
    approvals = Approvals("v", (approval(LATER, NOTE), approval(NEW, None)))
    assert approvals_from_wire(json.loads(json.dumps(approvals.to_wire()))) == approvals
