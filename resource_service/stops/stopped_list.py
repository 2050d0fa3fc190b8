"""The current stops of the authorization server, and the requests in progress that they may end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from resource_service.errors import Refusal, stopped
from resource_service.stops.matching import StoppableRequest
from shared.logs import get_logger
from shared.stops import Stop, StopKind

_log = get_logger(__name__)


class StoppedList:
    """Holds the last list that was received. While none is received, it stays."""

    def __init__(self) -> None:
        self._stops: tuple[Stop, ...] = ()
        self._open: dict[StoppableRequest, Callable[[], None]] = {}

    def names_software(self) -> bool:
        """Return whether a stop names software, so that it must be known of each client."""
        return any(stop.kind is StopKind.SOFTWARE for stop in self._stops)

    def concerns(self, request: StoppableRequest) -> bool:
        """Return whether a request is stopped."""
        return request.stopped_by(self._stops) is not None

    def check(self, request: StoppableRequest, *, is_call: bool) -> None:
        """Check that a request may go on.

        Args:
            is_call: whether it has a JSON-RPC request that a client waits for.

        Raises:
            Refusal: it is stopped.
        """
        stop = request.stopped_by(self._stops) if self._stops else None
        if stop is not None:
            raise _refusal(stop, is_call=is_call)

    @contextmanager
    def watching(self, request: StoppableRequest, end: Callable[[], None]) -> Iterator[None]:
        """End a request if it is stopped within the context.

        Args:
            end: called at most once, from the event loop.
        """
        self._open[request] = end
        try:
            yield
        finally:
            self._open.pop(request, None)

    def update(self, stops: Sequence[Stop]) -> None:
        """Take a new list, and end the requests that it stops.

        If it is the first that names software, the requests of clients whose software is not known yet end,
        too: clients repeat them, and those that are not stopped succeed.
        """
        if tuple(stops) == self._stops:
            return
        self._stops = tuple(stops)
        is_needed = self.names_software()
        ended = [
            request
            for request in self._open
            if request.stopped_by(self._stops) or (is_needed and request.principal.software is None)
        ]
        _log.warning("stops changed", stops=[stop.rule for stop in stops], ended=len(ended))
        for request in ended:
            self._open.pop(request)()


def _refusal(stop: Stop, *, is_call: bool) -> Refusal:
    what = {
        "tool": "tool",
        "mount": "MCP server",
        "client": "client",
        "software": "client",
        "person": "account",
    }[stop.kind]
    return stopped(what, stop.reason, stop.rule, is_call=is_call)
