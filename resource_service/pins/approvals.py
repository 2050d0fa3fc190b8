"""Approvals at the authorization server, applied over the pins of this process. Pure.

An approval names the digest of one definition, and the digest of what was pinned when it was approved. It
applies only while both are the same: it approves no later change of the server or of the lock file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from resource_service.pins.definitions import Approved, DefinitionKind, Pinned, Pins, text_digest
from shared.pinned_definitions import INSTRUCTIONS, ApprovedDefinition

_Name = tuple[str, str]
"""A kind of definitions, and a name."""


def base_digest(base: Pins, kind: DefinitionKind, name: str) -> str | None:
    """Return the digest of what is pinned under a name; None if nothing is."""
    pinned = base.approved.get(kind, {}).get(name)
    return None if pinned is None else pinned.digest


def instructions_digest(pins: Pins) -> str | None:
    """Return the digest of the instructions that are pinned; None if none are."""
    return None if pins.instructions is None else text_digest(pins.instructions)


@dataclass(frozen=True, slots=True)
class ApprovedHere:
    """The approvals for one resource, and those of the approved definitions that this process has seen.

    Attributes:
        seen: the contents of what was approved; an approval names only their digest.
    """

    approved: Mapping[_Name, ApprovedDefinition] = field(default_factory=dict)
    seen: Pins = field(default_factory=Pins)

    def replaced(self, approved: Sequence[ApprovedDefinition], base: Pins, held: Pins) -> ApprovedHere:
        """Return `approved` in place of the approvals, with what was seen of it or is held.

        Args:
            base: what is pinned without approvals.
        """
        by_name = {(each.definition, each.name): each for each in approved}
        return ApprovedHere(by_name).seen_as_well(self.seen, base).seen_as_well(held, base)

    def seen_as_well(self, seen: Pins, base: Pins) -> ApprovedHere:
        """Return the same with what is approved of `seen`; this object if that is nothing."""
        if not self.approved:
            return self
        chosen = self._chosen(seen, base)
        return self if _is_empty(chosen) else replace(self, seen=_over(self.seen, chosen))

    def over(self, base: Pins) -> Pins:
        """Return `base` with what is approved in its place."""
        return _over(base, self._chosen(self.seen, base))

    def _chosen(self, seen: Pins, base: Pins) -> Pins:
        kinds = {
            kind: chosen
            for kind, definitions in seen.approved.items()
            if (chosen := dict(self._approved_of(kind, definitions, base)))
        }
        allowed = self._allows(
            (INSTRUCTIONS, ""), base=instructions_digest(base), current=instructions_digest(seen)
        )
        return Pins(kinds, seen.instructions if allowed else None)

    def _approved_of(
        self, kind: DefinitionKind, definitions: Approved, base: Pins
    ) -> Iterator[tuple[str, Pinned]]:
        for name, pinned in definitions.items():
            before = base_digest(base, kind, name)
            if self._allows((kind.member, name), base=before, current=pinned.digest):
                yield name, pinned

    def _allows(self, name: _Name, *, base: str | None, current: str | None) -> bool:
        approval = self.approved.get(name)
        return approval is not None and (approval.base, approval.digest) == (base, current)


def _is_empty(pins: Pins) -> bool:
    return not pins.approved and pins.instructions is None


def _over(below: Pins, above: Pins) -> Pins:
    """Return `below` with the definitions of `above` in place of those of the same names."""
    if _is_empty(above):
        return below
    kinds = dict(below.approved)
    for kind, definitions in above.approved.items():
        kinds[kind] = {**kinds.get(kind, {}), **definitions}
    return Pins(kinds, below.instructions if above.instructions is None else above.instructions)
