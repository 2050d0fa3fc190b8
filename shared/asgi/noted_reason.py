"""The reason code of the refusal that answers a request, for who measures or traces the request."""

from __future__ import annotations

from starlette.types import Scope

from shared.reasons import ReasonCode

NOTED_REASON = "doorward.reason"
"""Member of the state of a scope."""


def note_reason(scope: Scope, reason: ReasonCode) -> None:
    """Note why the request of `scope` is refused."""
    # Middleware copies the scope, but not its state.
    state = scope.get("state")
    if state is not None:
        state[NOTED_REASON] = reason.code
