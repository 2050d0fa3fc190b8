"""A request to the admin API: its path, query, JSON body and preconditions."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from auth_service.administration.actors import Actor
from auth_service.endpoints.admin_api.callers import AdminCaller, AdminCallers
from auth_service.protocol.admin_access import PreconditionFailedError, PreconditionRequiredError
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters, parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.submissions import Submission
from shared.asgi import header_values
from shared.json_text import parse_json

_ETAG = re.compile(r'"([\x21\x23-\x7e]{1,100})"\Z')


@dataclass(frozen=True, kw_only=True)
class AdminRequest:
    """A request of a caller who may administer.

    Attributes:
        submission: for an operation that creates something; the same for each repetition of the request.
    """

    request: Request
    caller: AdminCaller
    callers: AdminCallers
    submission: Submission | None = None

    @property
    def actor(self) -> Actor:
        """The caller, for operations and the log."""
        return self.caller.actor

    @property
    def query(self) -> Parameters:
        """The query parameters."""
        return parse_parameters(self.request.scope["query_string"])

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def require_fresh(self) -> None:
        """Check that the login is recent, for an operation that is dangerous only sometimes.

        Raises:
            InsufficientUserAuthenticationError: it is not.
        """
        self.callers.require_fresh(self.caller)

    async def drawn(self) -> str:
        """Return random text that is the same for each repetition of the request."""
        if self.submission is None:
            raise RuntimeError("the operation must be one that creates something")
        return await self.submission.secret()

    @property
    def is_repeated(self) -> bool:
        """Whether the request was answered before; call `drawn` first."""
        return self.submission is not None and self.submission.outcome.finished

    async def json(self) -> Any:  # noqa: ANN401 -- JSON
        """Return the JSON body.

        Raises:
            InvalidRequestError: the body is not JSON.
        """
        media_type = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise InvalidRequestError(Reason.CONTENT_TYPE_WRONG, "the body must be application/json")
        try:
            return parse_json(await self.request.body())
        except ValueError as error:
            raise InvalidRequestError(
                Reason.BODY_MALFORMED, "the body must be JSON", detail=str(error)
            ) from error

    async def members(self, kinds: Mapping[str, type], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the members of the JSON object in the body; a member with an unknown name is refused.

        Args:
            kinds: the type of each member. Null is accepted for text, and removes it.

        Raises:
            InvalidRequestError: the body does not have this form.
        """
        body = await self.json()
        if not isinstance(body, dict):
            raise InvalidRequestError(Reason.BODY_MALFORMED, "the body must be a JSON object")
        for name, value in body.items():
            if name not in kinds:
                names = ", ".join(kinds)
                raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, f"the members are {names}")
            if type(value) is not kinds[name] and not (value is None and kinds[name] is str):
                raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, f"{name} must be {_KINDS[kinds[name]]}")
        if missing := [name for name in required if body.get(name) in (None, "")]:
            raise InvalidRequestError(Reason.PARAMETER_MISSING, f"{missing[0]} is missing")
        return body

    def if_match(self) -> str:
        """Return the version that the request changes (RFC 9110 §13.1.1).

        Raises:
            PreconditionRequiredError: the request has no If-Match.
            InvalidRequestError: If-Match does not name one version.
        """
        values = header_values(self.request.scope, "if-match")
        if not values:
            raise PreconditionRequiredError(
                Reason.IF_MATCH_MISSING, "If-Match must name the version to replace, from the ETag"
            )
        match = _ETAG.match(values[0]) if len(values) == 1 else None
        if match is None:
            raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, "If-Match must be one strong ETag")
        return match.group(1)


_KINDS = {str: "text", bool: "true or false", int: "a whole number", list: "a list", dict: "an object"}


def version_of(value: object) -> str:
    """Return the version of a JSON value, for its ETag."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def etag(version: str) -> dict[str, str]:
    """Return the headers of a response about an object in that version."""
    return {"ETag": f'"{version}"', "Cache-Control": "no-store"}


def changed_since() -> PreconditionFailedError:
    """Return the error for an object that is no longer in the version that the request names."""
    return PreconditionFailedError(Reason.IF_MATCH_FAILED, "it was changed in the meantime; read it again")
