"""One request and what came of it, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Enough = Callable[[bytes], bool]


class Trouble(StrEnum):
    """Why there is no answer, in words that follow the URL."""

    NAME = "the host name does not resolve"
    REFUSED = "nothing listens there"
    UNREACHABLE = "no connection can be made"
    TIMEOUT = "there is no answer in time"
    CERTIFICATE_NAME = "the certificate is for another name"
    CERTIFICATE_EXPIRED = "the certificate has expired"
    CERTIFICATE_EARLY = "the certificate is not valid yet"
    CERTIFICATE_UNTRUSTED = "the certificate is not from an authority that clients trust"
    TLS = "the TLS handshake fails"
    PROTOCOL = "what comes back is not HTTP"
    NOT_A_URL = "this is not a URL that can be asked"
    OUT_OF_REACH = "not asked, as it leads from a public server into a private network"
    INSECURE = "not asked, as it leads from https to plain http"


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
    """What to ask.

    Attributes:
        enough: whether the body read so far holds all that is wanted, asked before the first byte as well;
            None reads to the end.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    enough: Enough | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        headers: as they came, repeated ones repeated; names in lower case.
        body: as it came, still encoded if the server encoded it unasked.
        cut: whether the body was longer, or slower, than what was read.
        received_at: seconds since 1970, by our clock, when the header was there.
        certificate_ends_at: seconds since 1970; None where there is no TLS.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: bool = False
    received_at: float = 0.0
    certificate_ends_at: float | None = None

    def header(self, name: str) -> str | None:
        """The value of a header, several of one name joined as one list (RFC 9110 §5.2)."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def redirects(self) -> bool:
        """Whether it sends the client elsewhere."""
        return self.status in (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request with its answer, or with the reason why there is none.

    Attributes:
        seconds: how long it took.
        detail: more about `trouble`, from the operating system or the TLS library.
    """

    request: Request
    answer: Answer | None
    trouble: Trouble | None = None
    detail: str = ""
    seconds: float = 0.0

    @property
    def url(self) -> str:
        """The URL that was asked."""
        return self.request.url

    @property
    def status(self) -> int | None:
        """The status of the answer; None where there is none."""
        return self.answer.status if self.answer else None
