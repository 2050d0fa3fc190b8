"""The error for every failed fetch."""

from __future__ import annotations


class FetchError(Exception):
    """A request could not be made, was not allowed, or got no usable response.

    Attributes:
        reason: for the party that named the URL. It is the same for every failure to connect, so that it
            reveals nothing about the names and addresses on this server's network.
        detail: for the log only.
        passing: whether a retry may soon succeed.
    """

    def __init__(self, reason: str, *, detail: str | None = None, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.passing = passing


def unreachable(detail: str) -> FetchError:
    """Return the same error for every failure to connect."""
    return FetchError("its server cannot be reached", detail=detail, passing=True)
