"""Why nothing usable came."""

from __future__ import annotations


class FetchError(Exception):
    """A request could not be made, was not allowed, or got no usable answer.

    Attributes:
        reason: for the one who named the URL. Where no connection came about it is always the same, so that
            nobody learns from it what names and addresses there are on this server's network.
        detail: for the log alone.
        passing: whether it may be otherwise in a moment.
    """

    def __init__(self, reason: str, *, detail: str | None = None, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.passing = passing


def unreachable(detail: str) -> FetchError:
    """The one answer for everything that kept a connection from coming about."""
    return FetchError("its server cannot be reached", detail=detail, passing=True)
