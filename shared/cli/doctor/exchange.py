"""One request and its result, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Enough = Callable[[bytes], bool]


class Trouble(StrEnum):
    """The reason for a missing response, in words that follow the URL."""

    NAME = "the host name does not resolve"
    REFUSED = "the connection is refused"
    UNREACHABLE = "the connection fails"
    TIMEOUT = "the request timed out"
    CERTIFICATE_NAME = "the certificate is for another host name"
    CERTIFICATE_EXPIRED = "the certificate has expired"
    CERTIFICATE_EARLY = "the certificate is not valid yet"
    CERTIFICATE_UNTRUSTED = "the certificate is not from an authority that clients trust"
    TLS = "the TLS handshake fails"
    PROTOCOL = "the response is not HTTP"
    NOT_A_URL = "the URL is invalid"
    OUT_OF_REACH = "not requested, because a public server names a private address"
    INSECURE = "not requested, because an https server names a plain http URL"


CERTIFICATE_TROUBLES = frozenset(
    {
        Trouble.CERTIFICATE_NAME,
        Trouble.CERTIFICATE_EXPIRED,
        Trouble.CERTIFICATE_EARLY,
        Trouble.CERTIFICATE_UNTRUSTED,
        Trouble.TLS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to send.

    Attributes:
        enough: whether the body read so far is sufficient, also called before the first byte; None reads
            to the end.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    enough: Enough | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The response.

    Attributes:
        headers: as received, including repeated ones; names in lower case.
        body: as received, still encoded if the server encoded it without request.
        cut: whether reading stopped before the end, because the body was too long or too slow.
        received_at: when the header arrived, in seconds since 1970 by our clock.
        certificate_ends_at: seconds since 1970; None without TLS.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: bool = False
    received_at: float = 0.0
    certificate_ends_at: float | None = None

    def header(self, name: str) -> str | None:
        """Return the value of a header, with repeated fields joined as one list (RFC 9110 §5.2)."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def redirects(self) -> bool:
        """Whether the response is a redirect."""
        return self.status in (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request with its response, or with the reason why it got none.

    Attributes:
        seconds: the duration.
        detail: more about `trouble`, from the operating system or the TLS library.
    """

    request: Request
    answer: Answer | None
    trouble: Trouble | None = None
    detail: str = ""
    seconds: float = 0.0

    @property
    def url(self) -> str:
        """The URL of the request."""
        return self.request.url

    @property
    def status(self) -> int | None:
        """The status of the response; None without a response."""
        return self.answer.status if self.answer else None
