"""Token introspection at the authorization server (RFC 7662), distinguishing "no" from "don't know"."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from resource_service.authorization_server_client import request_id_of
from resource_service.introspection import signed_answers
from resource_service.introspection.issuer_keys import KeysUnavailableError
from resource_service.introspection.signed_answers import SignedAnswers
from resource_service.reasons import Reason
from shared.http1 import Fields
from shared.http_exchange import Answer, NoAnswerError
from shared.introspection import (
    REQUEST_ID_PARAMETER,
    WITH_GROUPS,
    WITH_SOFTWARE,
    ActiveToken,
    MalformedAnswerError,
)
from shared.json_text import parse_json
from shared.logs import current_request_id, get_logger
from shared.traces.calls import client_span
from shared.traces.current import current_span, outgoing, recorded_span
from shared.traces.traceparent import HEADER_NAME

Introspect = Callable[[str], Awaitable[ActiveToken | None]]
"""Returns what is known about a token, or None if it is not active. Raises `IntrospectionUnavailableError`.

`IntrospectionClient.ask` is an implementation, and so is every wrapper that `introspection_chain` adds.
"""

Post = Callable[[Fields, bytes], Awaitable[Answer]]

NeedsGroups = Callable[[], bool]
"""Returns whether a current policy names groups."""


NeedsSoftware = Callable[[], bool]
"""Returns whether a stop names the software of clients."""


def no_groups() -> bool:
    """Return that no policy names groups."""
    return False


def no_software() -> bool:
    """Return that no stop names software."""
    return False


def is_sufficient(
    token: ActiveToken, needs_groups: NeedsGroups, needs_software: NeedsSoftware = no_software
) -> bool:
    """Check whether what is known about `token` includes the groups and the software, if they are needed."""
    has_groups = token.groups is not None or not needs_groups()
    return has_groups and (token.software is not None or not needs_software())


TOO_MANY_REQUESTS = 429
_log = get_logger(__name__)


class IntrospectionUnavailableError(Exception):
    """The server gave no usable answer about the token. The message says why, for the log."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ServerDownError(IntrospectionUnavailableError):
    """The authorization server does not answer, or reports a failure that does not depend on the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntrospectionClient:
    """Queries the introspection endpoint once for each call; caches nothing.

    Attributes:
        post: posts a form to the introspection endpoint, with headers; raises `NoAnswerError`.
        authorization: the `Authorization` header of the requests.
        signed: verifies signed answers (RFC 9701); None to accept plain ones.
        needs_groups: whether a policy names groups, so that the answers must tell them.
        needs_software: the same for stops that name software.
    """

    post: Post
    authorization: str = field(repr=False)
    signed: SignedAnswers | None = None
    needs_groups: NeedsGroups = no_groups
    needs_software: NeedsSoftware = no_software

    async def ask(self, token: str) -> ActiveToken | None:
        """Introspect `token`; return None if it is not active.

        Raises:
            ServerDownError: the server does not answer.
            IntrospectionUnavailableError: the answer does not conform to RFC 7662 §2.2.
        """
        wanted = {
            **(WITH_GROUPS if self.needs_groups() else {}),
            **(WITH_SOFTWARE if self.needs_software() else {}),
        }
        form = {"token": token, "token_type_hint": "access_token", **wanted}
        if request_id := current_request_id.get():
            form[REQUEST_ID_PARAMETER] = request_id
        accepted = signed_answers.MEDIA_TYPE if self.signed else "application/json"
        headers = [
            (b"authorization", self.authorization.encode("ascii")),
            (b"accept", accepted.encode("ascii")),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ]
        try:
            answer = await self._posted(headers, urlencode(form).encode("ascii"))
        except NoAnswerError as error:
            raise ServerDownError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, str(error)) from error
        _check_status(answer)
        try:
            token_info = ActiveToken.from_wire(await self._document(answer.body))
        except MalformedAnswerError as error:
            raise IntrospectionUnavailableError(
                Reason.INTROSPECTION_ANSWER_MALFORMED, f"the answer is malformed: {error}"
            ) from error
        if token_info is None:
            _log.info("the authorization server says that the token is inactive", **_where(answer))
            return None
        return replace(token_info, **_empty(token_info, wanted)) if wanted else token_info

    async def _posted(self, headers: Fields, body: bytes) -> Answer:
        if current_span.get() is None:
            return await self.post(headers, body)
        with client_span("introspect") as span:
            traceparent = outgoing(span) if recorded_span() else None
            # Only then: the authorization server answers faster if the head repeats the one before.
            return await self.post(
                [*headers, (HEADER_NAME, traceparent.encode())] if traceparent else headers, body
            )

    async def _document(self, body: bytes) -> object:
        try:
            return await self.signed.verify_answer(body.decode("ascii")) if self.signed else parse_json(body)
        except KeysUnavailableError as error:
            raise ServerDownError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, str(error)) from error
        except MalformedAnswerError:
            raise
        except ValueError as error:
            raise MalformedAnswerError(f"it cannot be read: {error}") from error


def _empty(token: ActiveToken, wanted: Mapping[str, str]) -> dict[str, Any]:
    """Return empty values for what was asked for and is absent: there is nothing."""
    return {name: () for name in wanted if getattr(token, name) is None}


def _check_status(answer: Answer) -> None:
    if answer.status in (401, 403):
        _log.error(
            "the authorization server refused the credentials of this resource server",
            answered=answer.status,
            **_where(answer),
        )
        raise IntrospectionUnavailableError(
            Reason.INTROSPECTION_CREDENTIALS_REFUSED, ("the credentials of this resource server were refused")
        )
    if answer.status != 200:
        _log.warning(
            "the authorization server cannot introspect the token",
            answered=answer.status,
            **_where(answer),
        )
        down = answer.status >= 500 or answer.status == TOO_MANY_REQUESTS
        kind = ServerDownError if down else IntrospectionUnavailableError
        raise kind(Reason.AUTHORIZATION_SERVER_FAILING, f"status {answer.status}")


def _where(answer: Answer) -> dict[str, str]:
    """Return the id of the authorization server's log entries, which `doorward why` continues with."""
    request_id = request_id_of(answer)
    return {"asked_request_id": request_id} if request_id else {}
