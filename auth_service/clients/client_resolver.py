"""Resolves clients: registered here, or described by the document at their client_id (AS-8)."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from auth_service.clients.metadata_documents import ClientMetadataFetcher
from auth_service.clients.repository import ClientRepository
from auth_service.crypto.secrets import new_id
from auth_service.fetching import FetchError
from auth_service.protocol.cimd import check_client_id, names_document
from auth_service.protocol.client import Client
from auth_service.protocol.client_domains import DomainPolicy, Trust
from auth_service.protocol.errors import InvalidClientError, OAuthError, TemporarilyUnavailableError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration_policy import Quota
from auth_service.rate_limits import Throttle
from shared.clock import Clock
from shared.logs import get_logger
from shared.storage.interface import StoreFullError

_log = get_logger(__name__)


class ClientResolver:
    """Finds clients of either kind. Once found, both are stored alike in `ClientRepository`.

    Args:
        throttle: limits how often one network may cause a document to be fetched.
        keep_s: seconds that a document is stored beyond its freshness, for flows that have begun with it.
        loopback: whether a document may be on this machine, for development.
        quota: limits how many unused documents may be stored, together with unused registrations.
    """

    def __init__(
        self,
        *,
        clients: ClientRepository,
        documents: ClientMetadataFetcher,
        policy: DomainPolicy,
        throttle: Throttle,
        clock: Clock,
        keep_s: int,
        loopback: bool,
        quota: Quota | None = None,
    ) -> None:
        self._clients = clients
        self._documents = documents
        self._policy = policy
        self._throttle = throttle
        self._clock = clock
        self._keep_s = keep_s
        self._loopback = loopback
        self._quota = quota
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def admits_any(self) -> bool:
        """Whether any client metadata documents are accepted."""
        return self._policy.admits_any

    def trust(self, client: Client) -> Trust:
        """Return the operator's trust in the client's domain; a registered client is allowed."""
        return self._trust_in(client.client_id) if client.domain else Trust.ALLOW

    async def resolve_for_authorization(self, client_id: str, origin: str) -> Client | None:
        """Return the client that begins a flow here. Its document is fetched unless a fresh one is stored.

        Args:
            origin: the network of the request, which the throttle counts.

        Returns:
            None if the client is not registered.

        Raises:
            InvalidClientError: the client's URL or document is not valid, the document does not exist (draft
                §5.1), or the client's domain is not admitted.
            TemporarilyUnavailableError: the document cannot be fetched at the moment.
            SlowDownError: `origin` has caused too many documents to be fetched.
        """
        client = await self._clients.get(client_id)
        if not names_document(client_id):
            return client
        self._check_admitted(client_id)
        try:
            return await self._current(client_id, client, origin)
        except FetchError as error:
            raise _unreadable(error) from error

    async def resolve_for_token(self, client_id: str, origin: str | None) -> Client | None:
        """Return the client that presents something it was issued here.

        A document that is no longer fresh is fetched again. If that fails, the stored document is used: an
        outage of the client's own site does not log its users out.

        Args:
            origin: the network of the request; None if only a client known here can have a valid request.

        Returns:
            None if the client is not registered, or not known here.

        Raises:
            OAuthError: as from `resolve_for_authorization`.
        """
        client = await self._clients.get(client_id)
        if not names_document(client_id):
            return client
        if client is None:
            return await self.resolve_for_authorization(client_id, origin) if origin else None
        self._check_admitted(client_id)
        try:
            return await self._current(client_id, client, None)
        except FetchError as error:
            _log.info(
                "client metadata document not refreshed",
                client_id=client_id,
                reason=error.reason,
                detail=error.detail,
            )
            return client
        except StoreFullError as error:
            # A revocation must succeed although the store is full.
            _log.warning("client metadata document not refreshed", client_id=client_id, reason=str(error))
            return client

    async def _current(self, client_id: str, client: Client | None, origin: str | None) -> Client:
        if client and self._is_fresh(client):
            return client
        # One fetch at a time for each document: a request that waited finds it fresh.
        async with self._turns.setdefault(client_id, asyncio.Lock()):
            client = await self._clients.get(client_id)
            if client and self._is_fresh(client):
                return client
            if origin is not None:
                await self._throttle.attempt(origin)
            return await self._renew(client_id, origin)

    async def _renew(self, client_id: str, origin: str | None) -> Client:
        document = await self._documents.fetch_document(client_id)
        now = int(self._clock())
        fresh_until = now + document.fresh_for_s
        _log.info("client metadata document fetched", client_id=client_id, fresh_for_s=document.fresh_for_s)
        return await self._clients.save_document(
            Client(
                client_id=client_id,
                created_at=now,
                metadata=document.metadata,
                expires_at=fresh_until + self._keep_s,
                fresh_until=fresh_until,
                instance=new_id(),
                registered_from=origin,
            ),
            self._quota,
        )

    def _is_fresh(self, client: Client) -> bool:
        return client.fresh_until is not None and self._clock() < client.fresh_until

    def _check_admitted(self, client_id: str) -> None:
        if self._trust_in(client_id) is Trust.DENY:
            raise InvalidClientError(
                Reason.CLIENT_DOMAIN_NOT_ADMITTED, "this server does not accept clients of this domain"
            )

    def _trust_in(self, client_id: str) -> Trust:
        return self._policy.trust_in(check_client_id(client_id, loopback=self._loopback).host)


def _unreadable(error: FetchError) -> OAuthError:
    reason = f"the client's metadata document cannot be fetched: {error.reason}"
    if error.passing:
        # invalid_client would be wrong: nothing is known about the client, and clients delete their
        # registration on that error.
        return TemporarilyUnavailableError(
            Reason.CLIENT_DOCUMENT_UNREACHABLE, f"{reason}; try again later", detail=error.detail
        )
    return InvalidClientError(Reason.CLIENT_DOCUMENT_UNREADABLE, reason, detail=error.detail)
