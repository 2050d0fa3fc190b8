"""Requests, serialized so that no server can read them in two ways (RFC 9112). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.http1.errors import InvalidRequestError

Fields = list[tuple[bytes, bytes]]
"""Header fields as in ASGI, with names in lower case."""

# RFC 9110 §5.6.2 and §5.5: names are tokens; values have no control characters but the tab. The target of a
# request is visible ASCII.
_NOT_IN_NAMES = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_NOT_IN_VALUES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TARGET = re.compile(rb"/[\x21-\x7e]*\Z")


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        target: the path with the query.
        fields: without ``content-length``, which is added.
        body: None if the request has none.
    """

    method: bytes
    target: bytes
    fields: Fields
    body: bytes | None = None

    def serialize(self) -> bytes:
        """Return the request as bytes.

        Raises:
            InvalidRequestError: the target or a field contains invalid characters.
        """
        fields = self.fields
        if self.body is not None:
            fields = [*fields, (b"content-length", b"%d" % len(self.body))]
        names, values = [name for name, _ in fields], [value for _, value in fields]
        if not _TARGET.match(self.target):
            raise InvalidRequestError("the target contains invalid characters")
        if _NOT_IN_NAMES.search(b"".join(names)) or not all(names) or _NOT_IN_VALUES.search(b"".join(values)):
            raise InvalidRequestError("a header contains invalid characters")
        lines = [b"%b: %b\r\n" % field for field in fields]
        return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (self.method, self.target, b"".join(lines), self.body or b"")
