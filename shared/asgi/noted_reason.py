"""The reason code of the refusal that answers a request, for who measures or traces the request."""

from __future__ import annotations

from starlette.types import Scope

from shared.reasons import ReasonCode

_MEMBER = "doorward.reason"


def note_reason(scope: Scope, reason: ReasonCode) -> None:
    """Note why the request of `scope` is refused."""
    # Middleware copies the scope, but not its state.
    state = scope.get("state")
    if state is not None:
        state[_MEMBER] = reason.code


def noted_reason(scope: Scope) -> str:
    """Return the code of the reason, or an empty string."""
    state = scope.get("state")
    return state.get(_MEMBER, "") if state else ""
