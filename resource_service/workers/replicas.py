"""The other replicas of this service: their announcements in the shared store, and connections to them."""

from __future__ import annotations

import asyncio
import hmac
import json
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial

from resource_service.settings import ResourceSettings
from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore, shared_store
from resource_service.workers.proof import demand_proof, proof
from shared import base64url
from shared.clock import Clock, system_clock
from shared.http1 import Client, Connection, Limits, server_of
from shared.in_background import in_background
from shared.logs import get_logger
from shared.storage import StoreUnavailableError

AUTO = "auto"
"""A setting that `doorward resource` replaces by a URL."""

CONNECT_S = 5.0
SILENCE_S = 86_400.0
"""The other replica limits the silence of its response. If its machine vanishes, TCP keep-alive ends the
connection within two minutes."""

MAX_CONNECTIONS = 1_000
RENEWED_EVERY_S = 20.0
RETRIED_EVERY_S = 1.0
"""While the store does not take the announcement."""

KEPT_S = 60
"""How long an announcement is kept after its replica has crashed."""

VALID_S = 300
"""How long an announcement is valid: more than it is kept, because the clocks of two machines may differ."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Announcement:
    """The URL of a replica, with a tag: others who can write to the store must not get tokens.

    Attributes:
        worker: the name in the session ids.
        url: where other replicas reach it.
        until: the end of its validity, in seconds since 1970.
    """

    worker: str
    url: str
    until: int

    def sealed(self, key: bytes) -> bytes:
        """Return the document in the store."""
        return json.dumps({"tag": self._tag(key), "until": self.until, "url": self.url}).encode()

    @classmethod
    def opened(cls, worker: str, document: bytes, key: bytes) -> Announcement | None:
        """Return the announcement of `worker`; None unless a process with the key has made it."""
        try:
            match json.loads(document):
                case {"tag": str(tag), "until": int(until), "url": str(url)}:
                    announcement = cls(worker, url, until)
                case _:
                    return None
        except ValueError:
            return None
        is_sealed = hmac.compare_digest(announcement._tag(key).encode(), tag.encode("utf-8", "replace"))
        return announcement if is_sealed else None

    def _tag(self, key: bytes) -> str:
        text = f"announcement {self.worker} {self.until} {self.url}".encode("utf-8", "replace")
        return base64url.encode(hmac.digest(key, text, "sha256"))


class Replicas:
    """Announces this process, and finds the others.

    Args:
        key: the same in all replicas.
        url: where the others reach this process; several workers have the same.
        now: the time in seconds since 1970.
    """

    def __init__(
        self, store: SharedStore, server_id: str, key: bytes, *, url: str, now: Clock = system_clock
    ) -> None:
        self._store = store
        self._server_id = server_id
        self._key = key
        self._url = url
        self._now = now
        self._is_announced = True
        self._others: dict[str, Client] = {}
        self._contexts = AsyncExitStack()

    async def start(self, worker: str) -> None:
        """Announce `worker` until `stop`."""
        await self._contexts.enter_async_context(self._store.run())
        await self._try_to_announce(worker)
        self._contexts.push_async_callback(self._withdraw, worker)
        await self._contexts.enter_async_context(in_background(self._renew(worker)))

    async def stop(self) -> None:
        """Withdraw the announcement, and close all connections."""
        others, self._others = self._others, {}
        for client in others.values():
            await client.__aexit__(None, None, None)
        await self._contexts.aclose()

    def proof(self, nonce: str) -> str | None:
        """Return the proof that this process is the replica at its URL; None if the nonce is malformed."""
        return proof(self._key, self._url, nonce)

    async def client_of(self, worker: str) -> Client | None:
        """Return the client of the replica that has announced `worker`; None if there is none but this one.

        A replica that is known stays so, whatever becomes of the store, until it has ended.

        Raises:
            StoreUnavailableError: the store does not answer, so that nobody knows.
        """
        if worker not in self._others:
            announcement = await self._announcement_of(worker)
            if announcement is None or announcement.url == self._url:
                return None
            self._others.setdefault(worker, self._client_to(announcement.url))
        return self._others[worker]

    async def has_withdrawn(self, worker: str) -> bool:
        """Check whether a replica that cannot be reached has no announcement; then forget it."""
        try:
            announcement = await self._announcement_of(worker)
        except StoreUnavailableError:
            return False
        if announcement is None:
            await self.forget(worker)
        return announcement is None

    async def forget(self, worker: str) -> None:
        """Forget a replica that has ended. What is still under way with it ends by itself."""
        client = self._others.pop(worker, None)
        if client is not None:
            client.retire()

    async def _announcement_of(self, worker: str) -> Announcement | None:
        store = await self._store.current()
        document = await store.get(keys.replica(self._server_id, worker))
        announcement = None if document is None else Announcement.opened(worker, document, self._key)
        return announcement if announcement is not None and announcement.until > self._now() else None

    def _client_to(self, url: str) -> Client:
        limits = Limits(connect_s=CONNECT_S, silence_s=SILENCE_S, connections=MAX_CONNECTIONS)
        return Client(server_of(url), limits, check=partial(self._demand_proof, url))

    async def _demand_proof(self, url: str, connection: Connection) -> None:
        await demand_proof(connection, self._key, url, within_s=CONNECT_S)

    async def _renew(self, worker: str) -> None:
        while True:
            await asyncio.sleep(RENEWED_EVERY_S if self._is_announced else RETRIED_EVERY_S)
            await self._try_to_announce(worker)

    async def _try_to_announce(self, worker: str) -> None:
        key = keys.replica(self._server_id, worker)
        announcement = Announcement(worker, self._url, int(self._now()) + VALID_S).sealed(self._key)
        try:
            store = await self._store.current()
            before = await store.get(key)
            self._is_announced = (
                before is not None and await store.replace(key, before, announcement, ttl_s=KEPT_S)
            ) or await store.create(key, announcement, ttl_s=KEPT_S)
        except StoreUnavailableError as error:
            if self._is_announced:
                _log.warning("other replicas do not find the sessions of this process", detail=str(error))
            self._is_announced = False

    async def _withdraw(self, worker: str) -> None:
        with suppress(StoreUnavailableError):
            await (await self._store.current()).delete(keys.replica(self._server_id, worker))


def replicas_of(settings: ResourceSettings) -> Replicas | None:
    """Return the other replicas; None if this process is alone."""
    store, secret = shared_store(settings.resource_store), settings.resource_secret.get_secret_value()
    if settings.replica_url is None or store is None:
        return None
    if settings.replica_url == AUTO:
        raise ValueError("DOORWARD_REPLICA_URL=auto needs `doorward resource`; set the URL instead")
    key = hmac.digest(secret.encode(), b"doorward replicas", "sha256")
    return Replicas(store, settings.resource_server_id, key, url=settings.replica_url)
