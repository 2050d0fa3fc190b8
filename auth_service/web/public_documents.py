"""JSON documents that are the same for everybody: encoded once, and revalidated by ETag (RFC 9110 §8.8.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

from auth_service.web.http import encoded_json
from shared.asgi import FixedHead, FixedHeadResponse, header_values

_JSON = "application/json"


class PublicDocument:
    """One document.

    Args:
        members: the content; must not be changed later.
        max_age_s: how long anybody may cache the document.
    """

    def __init__(self, members: Mapping[str, Any], *, max_age_s: int) -> None:
        self.members = members
        body = encoded_json(members)
        self._tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"Cache-Control": f"public, max-age={max_age_s}", "ETag": self._tag}
        self._whole = FixedHeadResponse(FixedHead(200, _JSON, headers), body)
        self._unchanged = Response(status_code=304, headers=headers)

    def response(self, scope: Scope) -> Response:
        """Return the document, or 304 if the requester has it (RFC 9110 §13.1.2)."""
        is_known = self._is_known(header_values(scope, "if-none-match"))
        return self._unchanged if is_known else self._whole

    def _is_known(self, conditions: list[str]) -> bool:
        tags = [tag.strip().removeprefix("W/") for condition in conditions for tag in condition.split(",")]
        return self._tag in tags or "*" in tags
