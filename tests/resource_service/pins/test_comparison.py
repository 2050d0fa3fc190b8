"""Changes of definitions as an operator sees them: every difference, also what no font shows (GW-4)."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.pins.comparison import Change, approved_with, changes, described
from resource_service.pins.definitions import DefinitionKind, Pins, definitions_in
from resource_service.pins.lock_file import LockFileError, lock_text, parse_lock
from shared.visible_text import visible, visible_parts

pytestmark = pytest.mark.requirement("GW-4")


def tools(*definitions: dict[str, Any], instructions: str | None = None) -> Pins:
    kind = DefinitionKind.TOOL
    return Pins(instructions=instructions).with_kind(kind, definitions_in(kind, definitions))


A = {"name": "a", "description": "Add a note."}
B = {"name": "b", "description": "Delete a note."}


def test_words_that_differ_are_marked() -> None:
    held = A | {"description": "Add a secret note.", "annotations": {"readOnlyHint": True}}
    assert described(Change("tools", "a", A, held)) == [
        "  /description: Add a {+secret +}note.",
        "  /annotations/readOnlyHint: {+true+}",
    ]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb", "a\\u200bb"),
        ("a\u3164b", "a\\u3164b"),
        ("a\ufe0fb", "a\\ufe0fb"),
        ("a\U000e0041b", "a\\U000e0041b"),
        ("a\x1b[2Jb\n", "a\\u001b[2Jb\\u000a"),
        ("Grüße, 你好 👋", "Grüße, 你好 👋"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text: str, escaped: str) -> None:
    assert visible(text) == escaped
    assert "".join(part for part, _ in visible_parts(text)) == escaped
    assert any(is_escape for _, is_escape in visible_parts(text)) is (escaped != text)
    assert described(Change("tools", "a", A, A | {"title": text})) == [f"  /title: {{+{escaped}+}}"]


def test_what_is_held_and_approved_moves_and_the_rest_stays_held() -> None:
    new_a, pins = A | {"title": "A"}, tools(A, instructions="Be brief.")
    held = tools(new_a, B, instructions="Be long.")
    differing = changes(pins, held)
    assert [(change.kind, change.name, change.is_new) for change in differing] == [
        ("tools", "a", False),
        ("tools", "b", True),
        ("instructions", "", False),
    ]
    approved = approved_with(pins, differing[:1], held)
    assert changes(approved, held) == differing[1:]
    assert changes(approved_with(approved, differing[1:], held), held) == []


def test_a_lock_file_is_read_as_it_was_written() -> None:
    pins = tools(A, B | {"_meta": {"x": [0.1, "\u202e", None]}}, instructions="Be brief.")
    assert parse_lock(lock_text(pins).encode()) == pins
    other = tools(B | {"_meta": {"x": [0.1, "\u202e", None]}}, A, instructions="Be brief.")
    assert lock_text(pins) == lock_text(other)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is not JSON"),
        (b"[]", "not a lock file of version 1"),
        (b'{"version": 2}', "not a lock file of version 1"),
        (b'{"version": 1, "tools": []}', "`tools` must map names to definitions"),
        (
            b'{"version": 1, "tools": {"a": {"name": "b"}}}',
            "the definition of 'a' in `tools` has another `name`",
        ),
        (b'{"version": 1, "instructions": 1}', "`instructions` must be text"),
        (b'{"version": 1, "tools": {"a": {"name": "a", "x": 1e400}}}', None),
    ],
)
def test_a_lock_file_that_is_none_is_refused(content: bytes, reason: str | None) -> None:
    if reason is None:  # what cannot be compared is not approved
        assert parse_lock(content).approved == {DefinitionKind.TOOL: {}}
        return
    with pytest.raises(LockFileError, match=reason):
        parse_lock(content)
