"""Sends alerts one after the other, each within bounds of time and attempts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from auth_service.alerts.alert import SIGNATURE_HEADER, Alert, signature
from auth_service.crypto.secrets import new_id
from auth_service.fetching import Fetcher, FetchError
from auth_service.storage import keys
from shared.clock import Clock
from shared.in_background import in_background
from shared.logs import get_logger
from shared.storage.interface import Store, StoreUnavailableError

MAX_WAITING = 100
"""Alerts that wait; further ones are only logged."""
QUIET_S = 3_600
"""How long the same alert is not sent again, by any process."""
CLAIMED_S = 300
"""How long other processes wait for the one that delivers an alert; longer than its attempts take."""
LOOK_AGAIN_S = 1.0
RETRY_AFTER_S = (1.0, 10.0, 60.0)
"""Pauses between the attempts to send one alert."""
_ACCEPTED = (200, 201, 202, 204)

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """The receiver of alerts.

    Attributes:
        secret: signs each request.
        issuer: of this server, for a receiver of several.
    """

    url: str
    secret: bytes
    issuer: str


class AlertSender:
    """Sends alerts within the context of `run`. While one is sent, others wait.

    Args:
        fetcher: for URLs in the settings.
        retry_after_s: the pauses between attempts.
    """

    def __init__(
        self,
        webhook: Webhook,
        fetcher: Fetcher,
        store: Store,
        *,
        clock: Clock,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
    ) -> None:
        self._webhook = webhook
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._retry_after_s = retry_after_s
        self._waiting: deque[tuple[Alert, int]] = deque()
        self._arrived = asyncio.Event()

    def send(self, alert: Alert) -> None:
        """Send an alert soon."""
        _log.warning("alert", kind=alert.kind.value, summary=alert.summary, **alert.details)
        if len(self._waiting) >= MAX_WAITING:
            _log.error("an alert is not sent, because too many wait", kind=alert.kind.value)
            return
        self._waiting.append((alert, CLAIMED_S))
        self._arrived.set()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Send in the background; what waits at the end of the context is only in the log."""
        async with in_background(self._follow()):
            yield

    async def _follow(self) -> NoReturn:
        while True:
            await self._arrived.wait()
            while self._waiting:
                await self._take(*self._waiting.popleft())
            self._arrived.clear()

    async def _take(self, alert: Alert, claims_left: int) -> None:
        try:
            if not await self._send_once(alert) and claims_left:
                self._waiting.append((alert, claims_left - 1))
                await asyncio.sleep(LOOK_AGAIN_S)
        except Exception as error:  # noqa: BLE001 -- the next alert must be sent
            _log.error("an alert was not sent", reason=f"{type(error).__name__}: {error}")

    async def _send_once(self, alert: Alert) -> bool:
        """Deliver an alert that no process has delivered lately; it is marked as delivered only afterwards.

        Returns:
            False if another process is delivering it, which may fail or stop.
        """
        delivered, claim = _key(alert, "delivered"), _key(alert, "claimed")
        if await self._exists(delivered):
            return True
        if not await self._claim(claim):
            return False
        try:
            if not await self._exists(delivered) and await self._deliver(alert):
                with suppress(StoreUnavailableError):
                    await self._store.put_once(delivered, ttl_s=QUIET_S)
        finally:
            with suppress(StoreUnavailableError):
                await self._store.delete(claim)
        return True

    async def _exists(self, key: str) -> bool:
        try:
            return await self._store.get(key) is not None
        except StoreUnavailableError:
            return False  # perhaps the very reason for the alert

    async def _claim(self, key: str) -> bool:
        try:
            return await self._store.put_once(key, ttl_s=CLAIMED_S)
        except StoreUnavailableError:
            return True

    async def _deliver(self, alert: Alert) -> bool:
        """Return whether the receiver has accepted the alert."""
        alert_id = new_id()
        for pause_s in (*self._retry_after_s, None):
            try:
                await self._attempt(alert, alert_id)
            except FetchError as error:
                if pause_s is None:
                    _log.error(
                        "an alert was not accepted", kind=alert.kind.value, reason=error.detail or str(error)
                    )
                    return False
                await asyncio.sleep(pause_s)
            else:
                break
        return True

    async def _attempt(self, alert: Alert, alert_id: str) -> None:
        time_s = int(self._clock())
        body = alert.to_json(alert_id, self._webhook.issuer, time_s)
        headers = {SIGNATURE_HEADER: signature(self._webhook.secret, time_s, body)}
        await self._fetcher.post(
            self._webhook.url, body, "application/json", headers=headers, statuses=_ACCEPTED
        )


def _key(alert: Alert, state: str) -> str:
    return keys.once("alert", alert.kind, alert.about, state)
