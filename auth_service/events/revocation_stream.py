"""Follows the revocation channel once per process, and lets any number of receivers wait for events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress

from auth_service.events.event_buffer import Batch, EventBuffer
from auth_service.events.known_revocations import KnownRevocations
from auth_service.events.publisher import RevocationPublisher, decode_event
from auth_service.protocol.errors import UnknownPositionError
from auth_service.protocol.reasons import Reason
from auth_service.storage import keys
from shared.cancellation import cancel_and_wait
from shared.clock import Clock
from shared.in_background import in_background
from shared.logs import get_logger
from shared.security_events import SecurityEvent
from shared.storage.interface import Store, StoreUnavailableError
from shared.storage.json_codec import UnreadableDocumentError

_log = get_logger(__name__)

VERIFY_EVERY_S = 1.0
"""While a receiver waits, a verification event is sent after this long without one from any process."""
PATIENCE_S = 3.0
"""The channel counts as broken if a verification event has not come back after this long."""
ON_ITS_WAY_S = 0.5
"""How long an event that a receiver got from another process may take to arrive here."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0


class RevocationStream:
    """The events since this process began to follow the channel; belongs to one event loop.

    Args:
        known_revocations: the revocations that this process remembers.
        connected: called whenever the channel is followed again, when the store may have gone back in time.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        event_buffer: EventBuffer | None = None,
        *,
        known_revocations: KnownRevocations | None = None,
        connected: Callable[[], Coroutine[object, object, None]] | None = None,
    ) -> None:
        self._known_revocations = KnownRevocations(clock) if known_revocations is None else known_revocations
        self._connected = connected
        self._catching_up: asyncio.Task[None] | None = None
        self._store = store
        self._publisher = RevocationPublisher(store, clock)
        self._event_buffer = event_buffer or EventBuffer()
        self._live = False
        self._tried = asyncio.Event()
        self._changed = asyncio.Event()
        self._verify_at = 0.0
        self._patience: asyncio.Timeout | None = None

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Follow the channel inside the context, which is entered after the first attempt to subscribe."""
        try:
            async with in_background(self._follow()):
                await self._tried.wait()
                yield
        finally:
            if self._catching_up:
                await cancel_and_wait(self._catching_up)

    async def next(self, seen: Iterable[str], at_most: int, *, waits: bool) -> Batch:
        """Return the events after the newest of those `seen`; without any, wait if `waits` is set.

        Args:
            seen: ids (`jti`) of events; if empty, the stream starts now.

        Raises:
            UnknownPositionError: this process remembers none of them, or later events may have been missed.
            StoreUnavailableError: the channel cannot be followed.
        """
        self._check_live()
        seen = tuple(seen)
        position = await self._position(seen) if seen else self._event_buffer.end
        if waits and not seen:
            await self._verify()
        while waits and self._event_buffer.end == position:
            await self._change()
        self._check_live()
        return self._event_buffer.batch(position, at_most)

    def _check_live(self) -> None:
        if not self._live:
            raise StoreUnavailableError("the revocation stream is disconnected")

    async def _position(self, seen: tuple[str, ...]) -> int:
        with suppress(TimeoutError):
            async with asyncio.timeout(ON_ITS_WAY_S):
                while self._event_buffer.after(seen) is None:
                    await self._changed.wait()
        position = self._event_buffer.after(seen)
        self._check_live()
        if position is None:
            raise UnknownPositionError(
                Reason.EVENTS_MISSED, "none of these events is stored any longer; start again"
            )
        return position

    async def _change(self) -> None:
        """Wait for an event; send a verification event if none comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._verify_at):
                await self._changed.wait()
                return
        self._check_live()
        if asyncio.get_running_loop().time() >= self._verify_at:  # only one waiting receiver sends it
            await self._verify()

    async def _verify(self) -> None:
        now = asyncio.get_running_loop().time()
        self._verify_at = now + VERIFY_EVERY_S
        if self._patience is not None and self._patience.when() is None:
            self._patience.reschedule(now + PATIENCE_S)
        await self._publisher.heartbeat()

    async def _follow(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with (
                    asyncio.timeout(None) as patience,
                    self._store.subscribe(keys.revocations()) as messages,
                ):
                    self._patience, self._live, pause_s = patience, True, FIRST_PAUSE_S
                    self._tried.set()
                    self._catch_up()
                    async for message in messages:
                        self._take(decode_event(message))
            except (StoreUnavailableError, UnreadableDocumentError, TimeoutError) as error:
                _log.warning(
                    "the revocation stream is disconnected", reason=str(error) or "no events were received"
                )
            except Exception:  # noqa: BLE001 -- after any error: a feed that ended would never resume
                _log.exception("the revocation stream is disconnected")
            finally:
                self._break_off()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _catch_up(self) -> None:
        if self._connected and (self._catching_up is None or self._catching_up.done()):
            self._catching_up = asyncio.create_task(self._connected())

    def _take(self, event: SecurityEvent) -> None:
        self._event_buffer.add(event)
        if event.grant_id is not None and event.ends_at:
            self._known_revocations.add(event.grant_id, event.reason or "it was revoked", event.ends_at)
        if self._patience is not None:
            self._patience.reschedule(None)
        if event.grant_id is None:
            self._verify_at = asyncio.get_running_loop().time() + VERIFY_EVERY_S
        self._wake()

    def _break_off(self) -> None:
        self._live, self._patience = False, None
        self._event_buffer.break_off()
        self._tried.set()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
