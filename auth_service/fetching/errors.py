"""The error for every failed fetch."""

from __future__ import annotations


class FetchError(Exception):
    """A request could not be made, was not allowed, or got no usable response.

    Attributes:
        reason: for the party that named the URL. It is the same for every failure to connect, so that it
            reveals nothing about the names and addresses on this server's network.
        detail: for the log only.
        passing: whether a retry may soon succeed.
        sent: whether the request was sent; if not, the error says nothing about its server.
    """

    def __init__(
        self, reason: str, *, detail: str | None = None, passing: bool = False, sent: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.passing = passing
        self.sent = sent


def unreachable(detail: str) -> FetchError:
    """Return the same error for every failure to connect."""
    return FetchError("its server cannot be reached", detail=detail, passing=True)


def no_slot(host: str) -> FetchError:
    """Return the error for a request that was not sent because too many others are in progress."""
    return FetchError(
        "too many requests are in progress; try again", detail=f"{host}: no slot", passing=True, sent=False
    )
