"""Token introspection at the authorization server (RFC 7662), distinguishing "no" from "don't know"."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from resource_service.authorization_server_client import request_id_of
from resource_service.introspection import signed_answers
from resource_service.introspection.issuer_keys import KeysUnavailableError
from resource_service.introspection.signed_answers import SignedAnswers
from resource_service.reasons import Reason
from shared.http1 import Fields
from shared.http_exchange import Answer, NoAnswerError
from shared.introspection import REQUEST_ID_PARAMETER, WITH_GROUPS, ActiveToken, MalformedAnswerError
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


def no_groups() -> bool:
    """Return that no policy names groups."""
    return False


def is_sufficient(token: ActiveToken, needs_groups: NeedsGroups) -> bool:
    """Check whether what is known about `token` includes the groups, if they are needed."""
    return token.groups is not None or not needs_groups()


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
    """

    post: Post
    authorization: str = field(repr=False)
    signed: SignedAnswers | None = None
    needs_groups: NeedsGroups = no_groups

    async def ask(self, token: str) -> ActiveToken | None:
        """Introspect `token`; return None if it is not active.

        Raises:
            ServerDownError: the server does not answer.
            IntrospectionUnavailableError: the answer does not conform to RFC 7662 §2.2.
        """
        with_groups = self.needs_groups()
        form = {"token": token, "token_type_hint": "access_token", **(WITH_GROUPS if with_groups else {})}
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
        elif with_groups and token_info.groups is None:
            return replace(token_info, groups=())
        return token_info

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
