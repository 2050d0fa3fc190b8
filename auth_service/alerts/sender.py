"""Sends alerts one after the other, each within bounds of time and attempts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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
        self._waiting: deque[Alert] = deque()
        self._arrived = asyncio.Event()

    def send(self, alert: Alert) -> None:
        """Send an alert soon."""
        _log.warning("alert", kind=alert.kind.value, summary=alert.summary, **alert.details)
        if len(self._waiting) >= MAX_WAITING:
            _log.error("an alert is not sent, because too many wait", kind=alert.kind.value)
            return
        self._waiting.append(alert)
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
                alert = self._waiting.popleft()
                try:
                    if await self._is_first(alert):
                        await self._deliver(alert)
                except Exception as error:  # noqa: BLE001 -- the next alert must be sent
                    _log.error("an alert was not sent", reason=f"{type(error).__name__}: {error}")
            self._arrived.clear()

    async def _is_first(self, alert: Alert) -> bool:
        """Check that no process has sent the same alert lately."""
        try:
            return await self._store.put_once(keys.once("alert", alert.kind, alert.about), ttl_s=QUIET_S)
        except StoreUnavailableError:
            return True  # perhaps the very reason for the alert

    async def _deliver(self, alert: Alert) -> None:
        alert_id = new_id()
        for pause_s in (*self._retry_after_s, None):
            try:
                await self._attempt(alert, alert_id)
            except FetchError as error:
                if pause_s is None:
                    _log.error(
                        "an alert was not accepted", kind=alert.kind.value, reason=error.detail or str(error)
                    )
                    return
                await asyncio.sleep(pause_s)
            else:
                return

    async def _attempt(self, alert: Alert, alert_id: str) -> None:
        time_s = int(self._clock())
        body = alert.to_json(alert_id, self._webhook.issuer, time_s)
        headers = {SIGNATURE_HEADER: signature(self._webhook.secret, time_s, body)}
        await self._fetcher.post(
            self._webhook.url, body, "application/json", headers=headers, statuses=_ACCEPTED
        )
