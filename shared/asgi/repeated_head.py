"""The head of a request that a connection may carry again, byte for byte.

A program that keeps a connection open sends most requests to an endpoint with the same head: only the body
differs. The parser would find the same in it again, so what was found is kept.
"""

from __future__ import annotations

from typing import Any

from starlette.types import Scope

from shared.asgi.direct_routes import DirectRoute
from shared.asgi.prepared_head import FixedHead, PreparedHead

_END = b"\r\n\r\n"
_MAX_BYTES = 4_096


class RepeatedHead:
    """A parsed head, and facts about it.

    Attributes:
        length: of the head, in bytes.
        whole: the length of the request, head and body.
        scope: of the request; each request gets a copy.
        prepared: heads of responses to requests with this head.
        facts: what handlers found in the head (`HEAD_FACTS`).
    """

    __slots__ = ("_data", "facts", "length", "prepared", "route", "scope", "whole")

    def __init__(self, data: bytes, whole: int, route: DirectRoute, scope: Scope) -> None:
        self._data = data
        self.length = len(data)
        self.whole = whole
        self.route = route
        self.scope = scope
        self.facts: dict[str, Any] = {}
        self.prepared: dict[FixedHead, PreparedHead] = {}

    @classmethod
    def of(cls, request: bytes, body_length: int, route: DirectRoute, scope: Scope) -> RepeatedHead | None:
        """Return the head of a request that was parsed; None if it is not certain where it ends.

        Args:
            request: the bytes that the parser has read since the end of the message before.
        """
        length = request.find(_END) + len(_END)
        data = request[:length]
        # The parser allows an empty line before a request, and might allow other ends of lines.
        lines = len(scope["headers"]) + 2
        is_certain = (
            length + body_length == len(request)
            and length <= _MAX_BYTES
            and data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r") == lines
            and data.startswith(scope["method"].encode() + b" ")
        )
        return cls(data, len(request), route, scope) if is_certain else None

    def begins(self, request: bytes) -> bool:
        """Check whether `request` is a whole request with this head."""
        return len(request) == self.whole and request.startswith(self._data)
