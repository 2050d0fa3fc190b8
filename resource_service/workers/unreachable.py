"""The responses for a process that has the session of a request, but does not answer it."""

from __future__ import annotations

from starlette.types import ASGIApp, Scope

from resource_service.errors import RETRY_AFTER_S
from resource_service.reasons import Reason
from shared.asgi import refusal_response
from shared.http1 import BusyError, ConnectError, ExchangeError, InvalidRequestError


def unknown_whereabouts(scope: Scope) -> ASGIApp:
    """Return the response while the store does not say which process has the session."""
    return refusal_response(
        scope,
        Reason.STORE_UNAVAILABLE,
        status=503,
        error="temporarily_unavailable",
        description="The service cannot look up sessions at the moment; try again.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def no_answer(scope: Scope, error: ExchangeError) -> ASGIApp:
    """Return the response for a request that got none from the process with its session.

    The session goes on, so it is no 404. After a request that may have run, nothing invites to repeat it.
    """
    match error:
        case InvalidRequestError():
            return refusal_response(
                scope,
                Reason.NOT_FORWARDABLE,
                status=400,
                error="invalid_request",
                description="A header contains characters that cannot be passed on.",
            )
        case ConnectError() | BusyError():
            return refusal_response(
                scope,
                Reason.SESSION_UNREACHABLE,
                status=503,
                error="temporarily_unavailable",
                description="The session cannot be reached at the moment; try again.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        case _:
            return refusal_response(
                scope,
                Reason.SESSION_BROKE_OFF,
                status=502,
                error="session_broke_off",
                description="The connection to the session broke before its answer; the call may have run.",
            )


def was_refused(error: ExchangeError) -> bool:
    """Check that nothing was sent, because no process listens where the session was."""
    refused = ConnectionRefusedError | FileNotFoundError
    return isinstance(error, ConnectError) and isinstance(error.__cause__, refused)
