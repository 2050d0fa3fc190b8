"""Parsing requests, and writing responses and errors, for every endpoint."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from auth_service.protocol.errors import (
    InsufficientScopeError,
    InvalidClientError,
    InvalidDpopProofError,
    InvalidRequestError,
    InvalidTokenError,
    OAuthError,
    QuotaExceededError,
    ServerUnavailableError,
    SlowDownError,
    UseDpopNonceError,
)
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.rate_limit import TOO_MANY_ATTEMPTS
from auth_service.protocol.reasons import Reason
from shared import dpop
from shared.asgi import (
    FixedHead,
    FixedHeadResponse,
    WholeResponse,
    error_response,
    first_header,
    header_values,
)
from shared.asgi.noted_reason import note_reason
from shared.bearer import MalformedCredentialsError, Scheme, credentials_in
from shared.fair_queue import QueueFullError
from shared.logs import get_logger
from shared.storage.interface import StoreUnavailableError
from shared.texts import Text, plural_text

Handler = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")

_log = get_logger(__name__)
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store"}
_HEADS = {status: FixedHead(status, "application/json", _NO_STORE) for status in (200, 201)}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
RETRY_AFTER_S = 5


def encoded_json(body: Mapping[str, Any]) -> bytes:
    """Return the JSON text of a response body."""
    return _encode(body).encode()


def json_response(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] = _NO_STORE
) -> Response:
    """Return a JSON response, not cached unless `headers` allow it (RFC 6749 §5.1)."""
    if headers is _NO_STORE and status in _HEADS:
        return encoded_response(encoded_json(body), status)
    return WholeResponse(encoded_json(body), status, "application/json", headers)


def encoded_response(body: bytes, status: int = 200) -> Response:
    """Return a response with JSON that is encoded already; it is not cached."""
    return FixedHeadResponse(_HEADS[status], body)


async def form_of(request: Request) -> Parameters:
    """Return the parameters in a request's body (RFC 6749 Appendix B).

    Raises:
        InvalidRequestError: the body has another content type, or is malformed.
    """
    return form_in(request.scope, await request.body())


def form_in(scope: Scope, body: bytes) -> Parameters:
    """Return the parameters in the body of a request, as `form_of`.

    Raises:
        InvalidRequestError: the body has another content type, or is malformed.
    """
    if not is_form(scope) and (body or _content_type(scope)):
        raise InvalidRequestError(Reason.CONTENT_TYPE_WRONG, f"the body must be {_FORM}")
    return parse_parameters(body)


def is_form(scope: Scope) -> bool:
    """Check whether the content type of a request is that of a form."""
    return _content_type(scope) == _FORM


def _content_type(scope: Scope) -> str:
    return first_header(scope, "content-type").partition(";")[0].strip().lower()


def bearer_of(request: Request, *, scheme: Scheme = "Bearer") -> str:
    """Return the token in a request's Authorization header (RFC 6750 §2.1, RFC 9449 §7.1).

    Raises:
        InvalidTokenError: the request has no token, or more than one.
    """
    try:
        credentials = credentials_in(header_values(request.scope, "authorization"))
    except MalformedCredentialsError:
        credentials = None
    if credentials is None or credentials.scheme != scheme:
        raise InvalidTokenError(
            Reason.ACCESS_TOKEN_MISSING, f"a {scheme} token must be in the Authorization header"
        )
    return credentials.token


def answers_errors(handler: Handler, *, protected: bool = False) -> Handler:
    """Turn the errors raised by a handler into the JSON of RFC 6749 §5.2.

    Args:
        protected: whether the endpoint is a protected resource, which sends DPoP challenges (RFC 9449 §7.1).
    """

    @functools.wraps(handler)
    async def answering(request: Request) -> Response:
        try:
            return await handler(request)
        except (InvalidDpopProofError, UseDpopNonceError) as error:
            return _challenge(request, error) if protected else refusal(request, error)
        except OAuthError as error:
            return refusal(request, error)
        except (StoreUnavailableError, QueueFullError) as error:
            return refusal(request, unavailable(error))

    return answering


def unavailable(error: StoreUnavailableError | QueueFullError) -> OAuthError:
    """Return the error for a client while the store is unavailable or too much work is queued."""
    return ServerUnavailableError(
        Reason.STORE_UNAVAILABLE, "the server is temporarily unavailable; try again later", detail=str(error)
    )


def refusal(request: Request, error: OAuthError) -> Response:
    """Return the JSON response to an error, and log it with the details that the response omits."""
    note_refusal(request, error)
    return error_response(
        error.status, error.code, error.description, _headers(request, error), reason=error.reason
    )


def _challenge(request: Request, error: InvalidDpopProofError | UseDpopNonceError) -> Response:
    """Return the challenge to a DPoP proof (RFC 9449 §7.1, §9), with the nonce if one is required."""
    note_refusal(request, error)
    algorithms = " ".join(dpop.ALGORITHMS)
    challenge = f'DPoP error="{error.code}", error_description="{error.description}", algs="{algorithms}"'
    headers = {**_headers(request, error), "WWW-Authenticate": challenge}
    return error_response(401, error.code, error.description, headers, reason=error.reason)


def note_refusal(request: Request, error: OAuthError) -> None:
    """Write one log line for a refusal, with its reason."""
    note_reason(request.scope, error.reason)
    level = _log.warning if error.status >= 500 else _log.info
    level(
        "refused",
        method=request.method,
        path=request.scope["path"],
        error=error.code,
        status=error.status,
        reason=error.description,
        reason_code=error.reason.code,
        detail=error.detail,
    )


async def while_connected(request: Request, work: Coroutine[object, object, T]) -> T:
    """Return the result of `work`, cancelled when the client disconnects. The body must have been read.

    Raises:
        ClientDisconnect: the client has disconnected.
    """
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        gone.cancel()
        task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def retry_after(error: OAuthError) -> dict[str, str]:
    """Return the Retry-After header of a temporary error (RFC 9110 §10.2.3)."""
    if isinstance(error, SlowDownError | QuotaExceededError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": str(RETRY_AFTER_S)} if error.status == 503 else {}


def wait_sentence(error: SlowDownError) -> Text:
    """Return the waiting time in words for a person."""
    minutes = -(-error.retry_after_s // 60)
    again = plural_text("Try again in %(count)s minute.", "Try again in %(count)s minutes.", minutes)
    # The default description is written for programs, and repeats the wait.
    generic = error.description == TOO_MANY_ATTEMPTS
    reason = Text("Too many attempts from your network.") if generic else Text(error.description)
    return Text("%(reason)s %(again)s", reason=reason, again=again)


def _headers(request: Request, error: OAuthError) -> dict[str, str]:
    headers = {**_NO_STORE, **retry_after(error)}
    if isinstance(error, UseDpopNonceError):
        headers["DPoP-Nonce"] = error.nonce
    elif isinstance(error, InvalidTokenError | InsufficientScopeError):
        challenge = f'error="{error.code}", error_description="{error.description}"'
        headers["WWW-Authenticate"] = (
            f"Bearer {challenge}" if header_values(request.scope, "authorization") else "Bearer"
        )
    elif isinstance(error, InvalidClientError) and header_values(request.scope, "authorization"):
        # RFC 6749 §5.2: the challenge uses the client's scheme. For other clients, a challenge would only
        # make browsers ask a person for a password.
        headers["WWW-Authenticate"] = 'Basic realm="doorward", charset="UTF-8"'
    return headers
