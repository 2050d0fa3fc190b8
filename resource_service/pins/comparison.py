"""Differences between approved definitions and held ones, for a person to judge. Pure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from resource_service.pins.definitions import Approved, Pins
from shared.pinned_definitions import INSTRUCTIONS, Part, ValueChange
from shared.visible_text import visible

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_MAX_COMPARED = 40_000
"""Pairs of words of two texts that are compared, beside those at both ends that are the same: the time of the
comparison grows with them, and strangers write both texts."""


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
    return [f"  {visible(value.at) or 'text'}: {_marked(value.parts)}" for value in value_changes(change)]


def value_changes(change: Change) -> list[ValueChange]:
    """Return each value that differs, in words that stay, were removed, or were added."""
    before, after = dict(_leaves(change.approved)), dict(_leaves(change.held))
    paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    return [ValueChange(path, tuple(_word_diff(before.get(path), after.get(path)))) for path in paths]


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


def _word_diff(before: str | None, after: str | None) -> Iterator[Part]:
    if before is None or after is None:
        yield Part("+", after or "") if before is None else Part("-", before)
        return
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    yield from _part("=", old[:start])
    yield from _compared(old[start : len(old) - end], new[start : len(new) - end])
    yield from _part("=", old[len(old) - end :])


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many words both begin with."""
    pairs = zip(old, new, strict=False)
    return next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[Part]:
    if len(old) * len(new) > _MAX_COMPARED:
        yield from (*_part("-", old), *_part("+", new))
        return
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, from_, to, start, end in matcher.get_opcodes():
        if tag == "equal":
            yield from _part("=", old[from_:to])
        else:
            yield from (*_part("-", old[from_:to]), *_part("+", new[start:end]))


def _part(effect: Literal["=", "-", "+"], words: Sequence[str]) -> Iterator[Part]:
    if words:
        yield Part(effect, "".join(words))


def _marked(parts: Sequence[Part]) -> str:
    marks = {"=": ("", ""), "-": ("[-", "-]"), "+": ("{+", "+}")}
    return "".join(f"{marks[effect][0]}{visible(text)}{marks[effect][1]}" for effect, text in parts)
