"""Differences between approved definitions and held ones, for a person to judge. Pure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resource_service.pins.definitions import Approved, Pins

# Printable by Python's definition, and yet invisible: fillers, a blank pattern, joiners, variation selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
INSTRUCTIONS = "instructions"


@dataclass(frozen=True, slots=True)
class Change:
    """A held definition, beside the approved one.

    Attributes:
        kind: ``tools``, ``prompts``, ``resourceTemplates`` or ``instructions``.
        approved: the approved definition; None if there is none of this name.
    """

    kind: str
    name: str
    approved: Any
    held: Any

    @property
    def is_new(self) -> bool:
        """Whether nothing of this name was approved."""
        return self.approved is None


def changes(pins: Pins, held: Pins) -> list[Change]:
    """Return what of `held` differs from `pins`."""
    differing = [
        change
        for kind, definitions in held.approved.items()
        for change in _changes(kind.member, pins.approved.get(kind, {}), definitions)
    ]
    if held.instructions is not None and held.instructions != pins.instructions:
        differing.append(Change(INSTRUCTIONS, "", pins.instructions, held.instructions))
    return differing


def _changes(kind: str, approved: Approved, held: Approved) -> Iterator[Change]:
    for name, definition in held.items():
        pinned = approved.get(name)
        if pinned is None or pinned.digest != definition.digest:
            yield Change(kind, name, pinned and pinned.value, definition.value)


def approved_with(pins: Pins, approved: Sequence[Change], held: Pins) -> Pins:
    """Return `pins` with the held definitions of `approved` in place of what was approved before."""
    names = {(change.kind, change.name) for change in approved}
    kinds = dict(pins.approved)
    for kind, definitions in held.approved.items():
        chosen = {name: item for name, item in definitions.items() if (kind.member, name) in names}
        kinds[kind] = {**kinds.get(kind, {}), **chosen}
    instructions = held.instructions if (INSTRUCTIONS, "") in names else pins.instructions
    return Pins(kinds, instructions)


def still_held(pins: Pins, held: Pins) -> Pins:
    """Return what of `held` differs from `pins`."""
    names = {(change.kind, change.name) for change in changes(pins, held)}
    kinds = {
        kind: {name: item for name, item in definitions.items() if (kind.member, name) in names}
        for kind, definitions in held.approved.items()
    }
    return Pins(kinds, held.instructions if (INSTRUCTIONS, "") in names else None)


def held_beside(pins: Pins, before: Pins, held: Pins) -> Pins:
    """Return what differs from `pins`, of what was held before and, in its place, what is held now."""
    kinds = {
        kind: {**before.approved.get(kind, {}), **held.approved.get(kind, {})}
        for kind in {**before.approved, **held.approved}
    }
    instructions = before.instructions if held.instructions is None else held.instructions
    return still_held(pins, Pins(kinds, instructions))


def described(change: Change) -> list[str]:
    """Return the lines that show a change: each value that differs, with its words marked.

    Removed words are in ``[-…-]`` and added ones in ``{+…+}``. Characters that cannot be seen, or that change
    the direction of text, are written as escapes.
    """
    before, after = dict(_leaves(change.approved)), dict(_leaves(change.held))
    paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    return [f"  {visible(path) or 'text'}: {_word_diff(before.get(path), after.get(path))}" for path in paths]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield the path and the text of each value that contains no others."""
    if isinstance(value, Mapping) and value:
        for name, member in value.items():
            yield from _leaves(member, f"{path}/{name}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}/{index}")
    elif value is not None or path:
        yield path, value if isinstance(value, str) else json.dumps(value, default=lambda item: item.text)


def _word_diff(before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return _marked(before or "", after or "") or ("{++}" if before is None else "[--]")
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    parts = []
    for tag, from_, to, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[from_:to]), "".join(new[start:end])
        parts.append(visible(gone) if tag == "equal" else _marked(gone, come))
    return "".join(parts)


def _marked(gone: str, come: str) -> str:
    return (f"[-{visible(gone)}-]" if gone else "") + (f"{{+{visible(come)}+}}" if come else "")


def visible(text: str) -> str:
    """Return `text` with an escape for each character that cannot be seen or changes the direction."""
    return "".join(c if c.isprintable() and not _INVISIBLE.match(c) else _escape(c) for c in text)


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
