"""Heads of responses that are the same for many responses, as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.asgi.raw_response import header_line, status_line

_LENGTH = b"content-length"


@dataclass(frozen=True, eq=False)
class FixedHead:
    """The status and the headers of responses that differ in their body alone. Create it once, and keep it.

    Args:
        headers: Latin-1 text; Content-Type and Content-Length are added.
    """

    status: int
    media_type: str
    headers: Mapping[str, str]

    def raw_headers(self, length: int) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers of a response with a body of `length` bytes."""
        return (
            *(
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in self.headers.items()
            ),
            (_LENGTH, b"%d" % length),
            (b"content-type", self.media_type.encode("latin-1")),
        )


class PreparedHead(NamedTuple):
    """The lines of a head around the varying ones: the date, Content-Length and the request id."""

    status: bytes
    before_length: bytes
    after_length: bytes

    @classmethod
    def of(cls, status: int, headers: Sequence[tuple[bytes, bytes]]) -> PreparedHead:
        """Prepare the head of a response.

        Args:
            headers: all, in their order, without the date and the request id; one is Content-Length.

        Raises:
            ValueError: a header has a name or a value that HTTP does not allow.
        """
        at = [name for name, _ in headers].index(_LENGTH)
        before, after = (
            b"".join(header_line(*pair) for pair in some) for some in (headers[:at], headers[at + 1 :])
        )
        return cls(status_line(status), before, after)

    def response(self, first_lines: bytes, request_id: bytes, body: bytes) -> bytes:
        """Return a response.

        Args:
            first_lines: the lines that come first, such as the date.
        """
        return b"%b%b%bcontent-length: %d\r\n%bx-request-id: %b\r\n\r\n%b" % (
            self.status,
            first_lines,
            self.before_length,
            len(body),
            self.after_length,
            request_id,
            body,
        )
