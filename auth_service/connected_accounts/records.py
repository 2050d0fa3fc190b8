"""Connected accounts in the store: one document for each subject and resource."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from auth_service.connected_accounts.ended_tokens import EndedTokenRecords, EndedTokens
from auth_service.protocol.connected_account import CredentialFacts
from auth_service.storage import keys
from shared.logs import get_logger
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

R = TypeVar("R")

_log = get_logger(__name__)

_ENDED_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedAccount:
    """An account that a person has connected, as it is stored. Times are seconds since 1970.

    Attributes:
        provider: the name of the provider, for pages.
        provider_identity: see `UpstreamProvider.identity`.
        version: of the credential; never the same again.
        sealed: the encrypted tokens; empty once the credential has ended.
        client_id: the client whose call led to the connection.
        replaced_at: when the credential was last connected or refreshed.
        leased_until: until when one process alone may refresh the credential.
        failed_until: until when nobody asks the provider, which could not be reached.
        is_api_key: whether the credential is an API key, which the person entered.
        ending: whether the person has disconnected it. It is listed until everything that follows from that
            is done, so that an interrupted disconnection can be repeated; nobody gets its tokens.
        fence: counts the leases; only the holder of the last one may replace the credential.
    """

    subject: str
    resource: str
    provider: str
    provider_identity: str
    version: str
    sealed: str
    client_id: str
    connected_at: int
    replaced_at: int
    expires_at: int | None = None
    refreshable: bool = False
    leased_until: int = 0
    failed_until: int = 0
    fence: int = 0
    is_api_key: bool = False
    ending: bool = False

    @property
    def facts(self) -> CredentialFacts:
        """The facts by which its use is decided."""
        return CredentialFacts(
            version=self.version,
            replaced_at=self.replaced_at,
            expires_at=self.expires_at,
            refreshable=self.refreshable,
        )


class ConnectedAccountRecords:
    """Reads, changes and deletes connected accounts, without opening their tokens."""

    def __init__(self, store: Store) -> None:
        self.ended = EndedTokenRecords(store)
        self._store = store
        self._accounts = Collection(store, _key, JsonCodec(ConnectedAccount), _ttl_s)

    async def get(self, subject: str, resource: str) -> ConnectedAccount | None:
        """Return the account that is connected; None if none is."""
        account = await self._accounts.get(_id(subject, resource))
        # An attacker who can write to the store could put the document of another person in its place.
        if account is None or (account.subject, account.resource) != (subject, resource):
            return None
        return account if account.sealed else None

    async def of_subject(self, subject: str) -> list[ConnectedAccount]:
        """Return the connected accounts of a person, by resource."""
        resources = await self._store.index_list(keys.subject_connected_accounts(subject))
        accounts = [await self.get(subject, resource) for resource in sorted(resources)]
        return [account for account in accounts if account is not None]

    async def put(self, account: ConnectedAccount) -> ConnectedAccount | None:
        """Store a newly connected account; return the earlier one that it replaces, if any.

        The provider of that one revokes its tokens.
        """
        document_id = _id(account.subject, account.resource)
        # Before the document: a deletion of the person's account finds it by the index.
        await self._store.index_add(
            keys.subject_connected_accounts(account.subject), account.resource, ttl_s=None
        )

        earlier: ConnectedAccount | None = None

        def rule(stored: ConnectedAccount) -> tuple[ConnectedAccount, bool]:
            nonlocal earlier
            earlier = stored if stored.sealed else None
            # The holder of a lease on the earlier credential must not replace the new one.
            return replace(account, fence=stored.fence + 1), True

        async def before(_: ConnectedAccount) -> None:
            # Afterwards, nothing would have the earlier tokens any longer.
            if earlier is not None:
                await self.leave_to_revoke(earlier)

        while not await self._accounts.update(document_id, rule, before=before):
            if await self._accounts.create(document_id, account):
                return None
        return earlier

    async def change(
        self, account: ConnectedAccount, rule: Callable[[ConnectedAccount], tuple[ConnectedAccount | None, R]]
    ) -> R | None:
        """Change a connected account by a rule, as `Collection.update`."""
        return await self._accounts.update(_id(account.subject, account.resource), rule)

    async def begin_end(self, account: ConnectedAccount) -> bool:
        """Let nobody get the tokens of an account any longer; return False if others have replaced them.

        What else follows from a disconnection comes afterwards, and `end` last. It is safe to repeat.
        """

        def rule(stored: ConnectedAccount) -> tuple[ConnectedAccount | None, bool]:
            if stored.version != account.version or not stored.sealed:
                return None, False
            # The holder of a lease must not replace the credential.
            return (None if stored.ending else replace(stored, ending=True, fence=stored.fence + 1)), True

        return bool(await self.change(account, rule))

    async def end(self, account: ConnectedAccount) -> bool:
        """Remove the tokens of an account; return False if another credential has replaced them.

        The document stays for a moment, so that it is clear which credential has ended.
        """

        def rule(stored: ConnectedAccount) -> tuple[ConnectedAccount | None, bool]:
            if stored.version != account.version or not stored.sealed:
                return None, False
            return replace(stored, sealed="", fence=stored.fence + 1), True

        return bool(await self.change(account, rule))

    async def leave_to_revoke(self, account: ConnectedAccount) -> None:
        """Let the provider of an account that has ended revoke its tokens; an API key has none."""
        if account.is_api_key:
            return
        tokens = EndedTokens(
            subject=account.subject,
            resource=account.resource,
            provider_identity=account.provider_identity,
            version=account.version,
            sealed=account.sealed,
        )
        if not await self.ended.add(tokens):
            _log.warning("tokens are not revoked at their provider: too many wait", provider=account.provider)

    async def delete_all(self, subject: str) -> None:
        """Delete every connected account of a person, and let the providers revoke the tokens."""
        index = keys.subject_connected_accounts(subject)
        for resource in await self._store.index_list(index):
            # Again if a process has refreshed the credential in the meantime.
            while (account := await self.get(subject, resource)) is not None:
                if await self.begin_end(account):
                    await self.leave_to_revoke(account)
                    await self.end(account)
            await self._accounts.delete(_id(subject, resource))
            await self._store.index_remove(index, resource)


def _ttl_s(account: ConnectedAccount) -> int | None:
    return None if account.sealed else _ENDED_S


def _id(subject: str, resource: str) -> str:
    return json.dumps([subject, resource])


def _key(document_id: str) -> str:
    subject, resource = json.loads(document_id)
    return keys.connected_account(subject, resource)
