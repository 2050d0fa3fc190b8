"""A client for the authorization server's revocation feed (RFC 8936, polled); each process has its own.

On any failure, all cached answers become doubtful and the stream starts again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import httpx2

from resource_service.introspection.cache import LIVE_FOR_S
from resource_service.introspection.ended_grants import EndedGrants
from resource_service.introspection.issuer_keys import IssuerKeys, KeysUnavailableError
from resource_service.stops.stopped_list import StoppedList
from shared.clock import Clock
from shared.disconnections import MEMBER as DISCONNECTED
from shared.disconnections import Disconnection, disconnections_from_wire
from shared.http_exchange import Answer, NoAnswerError, exchange
from shared.jose import InvalidJwsError
from shared.json_text import parse_json
from shared.jwt_claims import ClaimError
from shared.logs import get_logger
from shared.pinned_definitions import MEMBER as DEFINITIONS
from shared.pinned_definitions import version_from_wire
from shared.security_events import ALGORITHM, TYPE, SecurityEvent, read_event
from shared.stops import MEMBER, Stop, stops_from_wire

REVOCATIONS_PATH = "/revocations"
POLL_TIMEOUT_S = LIVE_FOR_S
"""A slower answer would come too late to be useful."""

MAX_EVENTS = 100
MAX_ANSWER_BYTES = 1_048_576
MOST_AGE_S = 60
"""How far the time of an event may differ from our clock. An older event shows that this process has fallen
behind, or that old events are being replayed."""

PAUSE_S = 0.1
"""The minimum time between the starts of two polls, so that the server cannot keep this process busy."""

RETRY_S = 0.5
ABSENT_RETRY_S = 30.0
"""When to look again for a missing feed: the authorization server may have been upgraded."""

TakeDisconnections = Callable[[Sequence[Disconnection] | None], None]
"""Takes the connected accounts that ended in the last two minutes; None if the server does not say."""

TakeVersion = Callable[[str], None]
"""Takes the version of the definitions that administrators have approved; empty if there are none."""

_log = get_logger(__name__)


class Listener(Protocol):
    """A recipient of revocations. See `IntrospectionCache`."""

    @property
    def live(self) -> bool:
        """Whether revocations currently arrive."""
        ...

    def confirm(self, as_of: float) -> None:
        """Note that every revocation announced before `as_of`, on the steady clock, has been delivered."""
        ...

    def revoke(self, grant_id: str) -> None:
        """Record that a grant has ended, or is about to."""
        ...

    def change(self, grant_id: str | None) -> None:
        """Record that the permissions of a grant's tokens may have changed; None for any grant."""
        ...

    def doubt(self) -> None:
        """Note that a revocation may have been missed."""
        ...


class FeedLostError(Exception):
    """Revocations may be missed from now on. The message says why, for the log."""


class NoFeedError(FeedLostError):
    """The authorization server has no revocation feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The response to a poll.

    Attributes:
        sets: the tokens by `jti`, in the order of the events.
        more: whether more events are available.
        stops: what the operator has stopped; None if the server does not say.
        disconnected: the connected accounts that have ended; None if the server does not say.
        approvals: the version of the approved definitions; empty if the server does not say.
    """

    sets: dict[str, str]
    more: bool
    stops: tuple[Stop, ...] | None = None
    disconnected: tuple[Disconnection, ...] | None = None
    approvals: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """The address of the feed, and its identity.

    Attributes:
        authorization: the `Authorization` header of the requests.
        issuer: the required issuer of the events.
        audience: the required audience of the events.
    """

    url: str
    authorization: str
    issuer: str
    audience: str


class RevocationFeed:
    """Notifies `listener` of every revocation, and up to which time it has been notified of all.

    Args:
        clock: seconds since 1970.
        steady_clock: the clock of the listener.
        retry_s: how long after a failure the stream starts again.
        cached: whether introspection responses are reused while revocations arrive, for the log.
        ended: remembers the grants whose revocation was written.
        stopped: learns what the operator has stopped.
        disconnected: learns which connected accounts have ended.
        approvals: learns the version of the approved definitions.

    Attributes:
        tried: set after the first answer or failure.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        source: Source,
        keys: IssuerKeys,
        listener: Listener,
        *,
        clock: Clock,
        steady_clock: Clock,
        retry_s: float = RETRY_S,
        cached: bool = True,
        ended: EndedGrants | None = None,
        stopped: StoppedList | None = None,
        disconnected: TakeDisconnections | None = None,
        approvals: TakeVersion | None = None,
    ) -> None:
        self._approvals = approvals
        self._disconnected = disconnected
        self._stopped = stopped
        self.tried = asyncio.Event()
        self._http = http
        self._source = source
        self._keys = keys
        self._listener = listener
        self._clock = clock
        self._steady_clock = steady_clock
        self._retry_s = retry_s
        self._cached = cached
        self._ended = ended
        self._reported_live: bool | None = None

    async def follow(self) -> NoReturn:
        """Follow the feed indefinitely."""
        while True:
            try:
                await self._stream()
            except FeedLostError as error:
                self._lost(error)
                await asyncio.sleep(ABSENT_RETRY_S if isinstance(error, NoFeedError) else self._retry_s)
            except Exception as error:  # noqa: BLE001 -- whatever it was, no cached answer may be used
                _log.error("the revocation listener failed", exc_info=error)
                self._lost(FeedLostError(repr(error)))
                await asyncio.sleep(ABSENT_RETRY_S)

    async def _stream(self) -> NoReturn:
        """Follow the feed from now until the first failure.

        Raises:
            FeedLostError: always, in the end.
        """
        acknowledged: list[str] | None = None
        while True:
            # If this process is frozen, an answer waits as long: its age is bounded only by the time of
            # its request.
            asked_at = self._steady_clock()
            events = await self._poll(acknowledged)
            self._take_state(events)
            for jti, text in events.sets.items():
                self._tell(await self._verified(jti, text))
            if events.sets:
                acknowledged = list(events.sets)
                if not events.more:
                    self._listener.confirm(asked_at)
                    self._arrives()
            if not events.more:
                await asyncio.sleep(PAUSE_S - (self._steady_clock() - asked_at))

    def _take_state(self, events: Events) -> None:
        if self._stopped is not None and events.stops is not None:
            self._stopped.update(events.stops)
        if self._disconnected is not None:
            self._disconnected(events.disconnected)
        if self._approvals is not None:
            self._approvals(events.approvals)
        self.tried.set()

    def _tell(self, event: SecurityEvent) -> None:
        if event.changed:
            self._listener.change(event.grant_id)
        elif event.grant_id is not None:
            self._listener.revoke(event.grant_id)
            if self._ended is not None and event.ends_at:
                self._ended.add(event.grant_id, event.ends_at)

    async def _poll(self, acknowledged: Sequence[str] | None) -> Events:
        # RFC 8936 §2.4: the acknowledgment is the position in the stream. Without it, the stream starts now.
        position = {} if acknowledged is None else {"ack": acknowledged}
        try:
            answer = await exchange(
                self._http,
                self._http.build_request(
                    "POST",
                    self._source.url,
                    headers={"Authorization": self._source.authorization, "Accept": "application/json"},
                    json={"maxEvents": MAX_EVENTS, "returnImmediately": False, **position},
                ),
                timeout_s=POLL_TIMEOUT_S,
                max_bytes=MAX_ANSWER_BYTES,
                repeatable=True,
            )
        except NoAnswerError as error:
            raise FeedLostError(str(error)) from error
        return _read(answer)

    async def _verified(self, jti: str, text: str) -> SecurityEvent:
        try:
            claims = await self._keys.verify_jws(text, typ=TYPE, algorithms=(ALGORITHM,))
            event = read_event(claims, issuer=self._source.issuer, audience=self._source.audience)
        except (InvalidJwsError, KeysUnavailableError, ClaimError) as error:
            raise FeedLostError(f"an event cannot be trusted: {error}") from error
        if event.jti != jti:
            raise FeedLostError("an event has another name than it is listed under")
        if abs(self._clock() - claims["iat"]) > MOST_AGE_S:
            raise FeedLostError("the time of an event is wrong: check the clocks of both services")
        return event

    def _arrives(self) -> None:
        if not self._reported_live and self._listener.live:
            self._reported_live = True
            effect = ": introspection responses are cached" if self._cached else ""
            _log.info(f"receiving revocations{effect}")

    def _lost(self, error: FeedLostError) -> None:
        self.tried.set()
        self._listener.doubt()
        if self._reported_live is not False:
            level = "warning" if self._reported_live else "info"
            self._reported_live = False
            getattr(_log, level)(
                "not receiving revocations: every request is introspected", reason=str(error)
            )


def _read(answer: Answer) -> Events:
    if answer.status in (404, 405):
        raise NoFeedError("the authorization server does not offer revocation events")
    if answer.status == 409:
        raise FeedLostError("the authorization server no longer has the position in the event stream")
    if answer.status != 200:
        raise FeedLostError(f"status {answer.status}")
    try:
        document: Any = parse_json(answer.body)
        sets, more = document["sets"], document.get("moreAvailable", False)
        stops = stops_from_wire(document[MEMBER]) if MEMBER in document else None
        disconnected = disconnections_from_wire(document.get(DISCONNECTED))
        approvals = version_from_wire(document.get(DEFINITIONS))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FeedLostError("the response violates RFC 8936") from error
    if not isinstance(sets, dict) or not isinstance(more, bool):
        raise FeedLostError("the response violates RFC 8936")
    if not all(isinstance(text, str) for text in sets.values()):
        raise FeedLostError("the response contains something that is not a token")
    return Events(sets=sets, more=more, stops=stops, disconnected=disconnected, approvals=approvals)
