"""The store that processes of the resource service share. It never holds the authorization server's keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from resource_service.storage.keys import OF_AUTHORIZATION_SERVER, PREFIX
from shared.logs import get_logger
from shared.storage import Store, StoreUnavailableError, open_store
from shared.storage.interface import NotPermittedError

_log = get_logger(__name__)


class ForeignStoreError(StoreUnavailableError):
    """The store holds the keys of the authorization server, and this service can read them."""


class SharedStore:
    """Opens the store on first use, once it is clear that it is not the authorization server's."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: Store | None = None
        self._checked = False

    async def current(self) -> Store:
        """Return the store.

        Raises:
            ForeignStoreError: it is the authorization server's.
            StoreUnavailableError: it does not answer, so that it is not known whose it is.
        """
        if self._store is None:
            self._store = open_store(self._url)
        if not self._checked:
            await _check(self._store)
            self._checked = True
        return self._store

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Open the store for the length of the context.

        A store that does not answer does not stop the start: requests that need it get 503 until it does.

        Raises:
            ForeignStoreError: it is the authorization server's.
        """
        try:
            await self._try_to_open()
            yield
        finally:
            store, self._store, self._checked = self._store, None, False
            if store is not None:
                await store.aclose()

    async def _try_to_open(self) -> None:
        try:
            await self.current()
        except ForeignStoreError:
            raise
        except StoreUnavailableError as error:
            _log.error(
                "DOORWARD_RESOURCE_STORE does not respond: requests with DPoP get 503", detail=str(error)
            )


def shared_store(url: str | None) -> SharedStore | None:
    """Return the store at `url`; None without one."""
    return None if url is None else SharedStore(url)


async def _check(store: Store) -> None:
    try:
        foreign = await store.get(OF_AUTHORIZATION_SERVER) is not None
    except NotPermittedError:  # of Redis, for a user that is limited to the keys of this service
        return
    if foreign:
        raise ForeignStoreError(
            "DOORWARD_RESOURCE_STORE is the store of the authorization server: use another file or database,"
            f" or a user of Redis that can only access keys that begin with {PREFIX}"
        )
