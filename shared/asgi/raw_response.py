"""A whole HTTP/1.1 response as bytes (RFC 9112 §2.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

RawHeaders = Iterable[tuple[bytes, bytes]]

_STATUS_LINES = {status.value: f"HTTP/1.1 {status} {status.phrase}\r\n".encode() for status in HTTPStatus}
_WITHOUT_BODY = frozenset({204, 304})
# RFC 9110 §5.1, §5.5: no line may end early, or there would be a header, or a response, of somebody's choice.
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_UNFIT_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CACHED_VALUES = frozenset(
    {
        *(b"cache-control", b"content-type", b"content-security-policy", b"etag", b"pragma", b"vary"),
        *(b"access-control-allow-origin", b"access-control-expose-headers", b"referrer-policy"),
        *(b"strict-transport-security", b"x-content-type-options", b"date"),
    }
)
"""Names of headers with few values, none of them secret."""


def raw_response(status: int, headers: RawHeaders, body: bytes, *, closes: bool) -> bytes:
    """Return a response with its head and body.

    Args:
        closes: whether the connection ends with this response, which a header then says.

    Raises:
        ValueError: a header has a name or a value that HTTP does not allow.
    """
    parts = [_STATUS_LINES[status]]
    has_length = status in _WITHOUT_BODY
    for name, value in headers:
        parts.append(_cached_line(name, value) if name in _CACHED_VALUES else header_line(name, value))
        has_length = has_length or name == b"content-length"
    if not has_length:
        parts.append(b"content-length: %d\r\n" % len(body))
    if closes:
        parts.append(b"connection: close\r\n")
    parts += b"\r\n", body
    return b"".join(parts)


def status_line(status: int) -> bytes:
    """Return the first line of a response."""
    return _STATUS_LINES[status]


def header_line(name: bytes, value: bytes) -> bytes:
    """Return a header as a line.

    Raises:
        ValueError: HTTP does not allow the name or the value.
    """
    if not _NAME.match(name) or _UNFIT_VALUE.search(value):
        raise ValueError(f"the header {name!r} is not allowed")
    return b"%b: %b\r\n" % (name, value)


_cached_line = lru_cache(maxsize=512)(header_line)
