"""Forms posted to the authorization server about a token, authenticated as introspection is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from resource_service.introspection.client import (
    TOO_MANY_REQUESTS,
    IntrospectionUnavailableError,
    Post,
    ServerDownError,
)
from resource_service.reasons import Reason
from shared.http_exchange import Answer, NoAnswerError
from shared.json_text import parse_json


@dataclass(frozen=True, slots=True, kw_only=True)
class BackChannel:
    """One endpoint of the authorization server.

    Attributes:
        post: posts a form to the endpoint, with headers; raises `NoAnswerError`.
        authorization: the `Authorization` header of the requests.
    """

    post: Post
    authorization: str = field(repr=False)

    async def ask(self, form: Mapping[str, str]) -> Answer:
        """Post a form, and return the answer.

        Raises:
            ServerDownError: the authorization server does not answer.
        """
        headers = [
            (b"authorization", self.authorization.encode("ascii")),
            (b"accept", b"application/json"),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ]
        try:
            return await self.post(headers, urlencode(form).encode("ascii"))
        except NoAnswerError as error:
            raise ServerDownError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, str(error)) from error


def failure(answer: Answer) -> IntrospectionUnavailableError:
    """Return the error that an answer is which tells nothing about the token."""
    text = f"status {answer.status}"
    if answer.status in (401, 403):
        return IntrospectionUnavailableError(Reason.INTROSPECTION_CREDENTIALS_REFUSED, text)
    down = answer.status >= 500 or answer.status == TOO_MANY_REQUESTS
    kind = ServerDownError if down else IntrospectionUnavailableError
    return kind(Reason.AUTHORIZATION_SERVER_FAILING, text)


def is_error(answer: Answer, status: int, error: str) -> bool:
    """Return whether an answer has this status and error code (RFC 6749 §5.2)."""
    if answer.status != status:
        return False
    try:
        document: Any = parse_json(answer.body)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("error") == error
