"""The other replicas of this service: their announcements in the shared store, and connections to them."""

from __future__ import annotations

import asyncio
import hmac
import json
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from resource_service.settings import ResourceSettings
from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore, shared_store
from shared import base64url
from shared.http1 import Client, Limits, server_of
from shared.in_background import in_background
from shared.logs import get_logger
from shared.storage import StoreUnavailableError

CONNECT_S = 5.0
SILENCE_S = 86_400.0
"""The other replica limits the silence of its response, and its connections end with it."""

MAX_CONNECTIONS = 1_000
RENEWED_EVERY_S = 20.0
KEPT_S = 60
"""How long an announcement is kept after its replica has crashed."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Announcement:
    """The URL of a replica, with a tag: others who can write to the store must not get tokens.

    Attributes:
        worker: the name in the session ids.
        url: where other replicas reach it.
    """

    worker: str
    url: str

    def sealed(self, key: bytes) -> bytes:
        """Return the document in the store."""
        return json.dumps({"tag": self._tag(key), "url": self.url}).encode()

    @classmethod
    def opened(cls, worker: str, document: bytes, key: bytes) -> Announcement | None:
        """Return the announcement of `worker`; None unless a process with the key has made it."""
        try:
            match json.loads(document):
                case {"tag": str(tag), "url": str(url)}:
                    announcement = cls(worker, url)
                case _:
                    return None
        except ValueError:
            return None
        return announcement if hmac.compare_digest(announcement._tag(key), tag) else None

    def _tag(self, key: bytes) -> str:
        text = f"{self.worker} {self.url}".encode("utf-8", "replace")
        return base64url.encode(hmac.digest(key, text, "sha256"))


@dataclass(slots=True)
class _Replica:
    url: str
    client: Client
    checked_at: float


class Replicas:
    """Announces this process, and finds the others.

    Args:
        key: the same in all replicas.
        url: where the others reach this process; several workers have the same.
    """

    def __init__(self, store: SharedStore, server_id: str, key: bytes, *, url: str) -> None:
        self._store = store
        self._server_id = server_id
        self._key = key
        self._url = url
        self._others: dict[str, _Replica] = {}
        self._contexts = AsyncExitStack()

    async def start(self, worker: str) -> None:
        """Announce `worker` until `stop`."""
        await self._contexts.enter_async_context(self._store.run())
        announcement = Announcement(worker, self._url).sealed(self._key)
        await self._try_to_announce(worker, announcement)
        self._contexts.push_async_callback(self._withdraw, worker)
        await self._contexts.enter_async_context(in_background(self._renew(worker, announcement)))

    async def stop(self) -> None:
        """Withdraw the announcement, and close all connections."""
        for replica in self._others.values():
            await replica.client.__aexit__(None, None, None)
        self._others.clear()
        await self._contexts.aclose()

    async def client_of(self, worker: str) -> Client | None:
        """Return the client of the replica that has announced `worker`; None if there is none but this one.

        Raises:
            StoreUnavailableError: the store does not answer, so that nobody knows.
        """
        now = asyncio.get_running_loop().time()
        replica = self._others.get(worker)
        if replica is not None and now - replica.checked_at < RENEWED_EVERY_S:
            return replica.client
        announcement = await self._announcement_of(worker)
        if announcement is None or announcement.url == self._url:
            await self.forget(worker)
            return None
        replica = self._others.get(worker)
        if replica is None or replica.url != announcement.url:
            await self.forget(worker)
            replica = self._others[worker] = _Replica(announcement.url, _client_to(announcement.url), now)
        replica.checked_at = now
        return replica.client

    async def forget(self, worker: str) -> None:
        """Forget a replica that has ended."""
        replica = self._others.pop(worker, None)
        if replica is not None:
            await replica.client.__aexit__(None, None, None)

    async def _announcement_of(self, worker: str) -> Announcement | None:
        store = await self._store.current()
        document = await store.get(keys.replica(self._server_id, worker))
        return None if document is None else Announcement.opened(worker, document, self._key)

    async def _renew(self, worker: str, announcement: bytes) -> None:
        while True:
            await asyncio.sleep(RENEWED_EVERY_S)
            await self._try_to_announce(worker, announcement)

    async def _try_to_announce(self, worker: str, announcement: bytes) -> None:
        key = keys.replica(self._server_id, worker)
        try:
            store = await self._store.current()
            if not await store.replace(key, announcement, announcement, ttl_s=KEPT_S):
                await store.create(key, announcement, ttl_s=KEPT_S)
        except StoreUnavailableError as error:
            _log.warning("other replicas do not find the sessions of this process", detail=str(error))

    async def _withdraw(self, worker: str) -> None:
        with suppress(StoreUnavailableError):
            await (await self._store.current()).delete(keys.replica(self._server_id, worker))


def replicas_of(settings: ResourceSettings) -> Replicas | None:
    """Return the other replicas; None if this process is alone."""
    store, secret = shared_store(settings.resource_store), settings.resource_secret.get_secret_value()
    if settings.replica_url is None or store is None:
        return None
    key = hmac.digest(secret.encode(), b"doorward replicas", "sha256")
    return Replicas(store, settings.resource_server_id, key, url=settings.replica_url)


def _client_to(url: str) -> Client:
    limits = Limits(connect_s=CONNECT_S, silence_s=SILENCE_S, connections=MAX_CONNECTIONS)
    return Client(server_of(url), limits)
