"""Which scopes a message needs. Pure: no request, no token, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Scopes = frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """The scopes of a resource and what they allow.

    Attributes:
        scopes: each scope with the words that explain it.
        tools: the scopes each tool needs, all of them; a tool that is not named needs none.
        implies: a scope with the narrower ones that it includes.
        required: what every request needs, whatever is in it.
    """

    scopes: Mapping[str, str]
    tools: Mapping[str, Scopes]
    implies: Mapping[str, Scopes] = field(default_factory=dict)
    required: Scopes = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        named = set().union(*self.tools.values(), *self.implies.values(), self.implies, self.required)
        if unknown := named - set(self.scopes):
            raise ValueError(f"the policy speaks of {sorted(unknown)}, which scopes does not list")

    def needed(self, messages: Iterable[object]) -> Scopes:
        """All that a request of `messages` needs: one missing scope keeps all of them from running."""
        return self.required.union(*(self._needed_by(message) for message in messages))

    def missing(self, needed: Scopes, granted: Iterable[str]) -> Scopes:
        """What of `needed` is not in `granted`, nor implied by something that is."""
        return needed - self.closure(granted)

    def closure(self, granted: Iterable[str]) -> Scopes:
        """`granted` with everything that it implies."""
        held: set[str] = set()
        waiting = list(granted)
        while waiting:
            scope = waiting.pop()
            if scope not in held:
                held.add(scope)
                waiting.extend(self.implies.get(scope, ()))
        return Scopes(held)

    def _needed_by(self, message: object) -> Scopes:
        match message:
            case {"method": "tools/call", "params": {"name": str(name)}}:
                return self.tools.get(name, Scopes())
            case _:
                return Scopes()
