"""Who made a request, once that is verified: for log lines."""

from __future__ import annotations

from typing import NamedTuple

from starlette.types import Scope

NOTED_CALLER = "doorward.caller"
"""Member of the state of a scope."""


class Requester(NamedTuple):
    """A client, a person, or a person who acts through a client.

    Attributes:
        name: the username of the person.
    """

    client_id: str | None = None
    subject: str | None = None
    name: str | None = None


def note_caller(scope: Scope, caller: Requester) -> None:
    """Note who makes the request of `scope`; what was noted before and is missing in `caller` stays."""
    # Middleware copies the scope, but not its state.
    state = scope.get("state")
    if state is None:
        return
    before: Requester | None = state.get(NOTED_CALLER)
    if before is not None:
        caller = Requester(*(new or old for new, old in zip(caller, before, strict=True)))
    state[NOTED_CALLER] = caller
