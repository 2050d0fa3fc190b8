"""Lists and disconnects the identities that are connected to an account (ID-2, ID-7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from auth_service.access.announcements import AccessChangePublisher
from auth_service.federation.identities import Identity, IdentityRepository
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.claims_request import ACR_FEDERATED
from auth_service.protocol.grant import Grant
from auth_service.storage import keys
from auth_service.users.factors import FactorRepository
from auth_service.users.repository import NoSuchUserError, User, UserRepository
from auth_service.users.sessions import Session, SessionRepository
from shared.storage.interface import Store, StoreUnavailableError
from shared.texts import Text

_LONGEST_S = 30
_DISCONNECTED = "the identity of the login was disconnected"


class NotDisconnectedError(ValueError):
    """An identity stays connected; the message tells the person why."""


@dataclass(frozen=True, kw_only=True)
class ConnectedIdentities:
    """Lists and disconnects the identities of accounts, with the sessions and grants that end with them."""

    store: Store
    users: UserRepository
    sessions: SessionRepository
    grants: GrantRepository
    identities: IdentityRepository
    changes: AccessChangePublisher
    factors: FactorRepository

    async def of(self, user: User) -> list[Identity]:
        """Return the identities of an account, the oldest connection first."""
        identities = await self.identities.of_subject(user.subject)
        return sorted(identities, key=lambda identity: (identity.connected_at, identity.identity_id))

    async def disconnect(
        self,
        user: User,
        identity_id: str,
        *,
        spared: Session | None = None,
        providers: Collection[str] | None = None,
    ) -> Identity:
        """Disconnect one identity, and end the sessions and grants of logins through its provider.

        Args:
            spared: the current session; it stays, with the grants given in it.
            providers: the ids of the configured providers; other identities are not a way to log in. None
                if they are not known.

        Raises:
            NoSuchUserError: the account no longer exists.
            NotDisconnectedError: the identity does not exist, or it is the last way to log in.
        """
        async with self.one_at_a_time(user):
            identities = await self.of(user)
            identity = next((each for each in identities if each.identity_id == identity_id), None)
            if identity is None:
                raise NotDisconnectedError(Text("this identity is not connected"))
            others = [each for each in identities if each != identity]
            if not await self._has_other_way_in(user, others, providers):
                raise NotDisconnectedError(Text("it is the only way to log in to this account"))
            await self._disconnect(user, [identity], spared)
        return identity

    async def disconnect_all(self, user: User, *, spared: Session | None = None) -> list[Identity]:
        """Disconnect every identity of an account that has a password, as `disconnect` does.

        Raises:
            NoSuchUserError: the account no longer exists.
            NotDisconnectedError: the account has no password.
        """
        async with self.one_at_a_time(user):
            identities = await self.of(user)
            if not await self._has_other_way_in(user, [], None):
                raise NotDisconnectedError(Text("without a password, an identity is the only way to log in"))
            await self._disconnect(user, identities, spared)
        return identities

    async def promote(self, user: User) -> User:
        """Make the owner of an account an administrator; end the links that the owner did not make (ID-2).

        The operator of a provider could otherwise claim to own the address, log in to an
        account of no importance, and wait for its promotion.

        Raises:
            NoSuchUserError: the account no longer exists.
        """
        async with self.changes.around(user.subject):
            promoted = await self.users.set_admin(user, True)
        silent = [each for each in await self.of(user) if each.is_silent_link(promoted.created_at)]
        if silent:
            await self._disconnect(user, silent, None)
        return promoted

    async def has_way_in_without_passkeys(self, user: User, providers: Collection[str]) -> bool:
        """Whether the account has a password, or an identity at one of the configured `providers`."""
        identities = await self.of(user)
        return bool(user.password_hash) or any(each.provider_id in providers for each in identities)

    async def _has_other_way_in(
        self, user: User, others: Iterable[Identity], providers: Collection[str] | None
    ) -> bool:
        current = await self.users.by_subject(user.subject)
        if current is None:
            raise NoSuchUserError(user.username)
        if current.password_hash or (await self.factors.of(user.subject)).has_login:
            return True
        return any(providers is None or other.provider_id in providers for other in others)

    async def _disconnect(self, user: User, identities: list[Identity], spared: Session | None) -> None:
        # Access rules may name the person by an address or a group of these identities.
        async with self.changes.around(user.subject):
            # Otherwise the next login through a provider that links by e-mail would connect it again.
            await self.users.change(user, lambda account: replace(account, accepts_links=False))
            for identity in identities:
                await self.identities.disconnect(identity)
                await self.factors.note(
                    user.subject, f"{identity.name} at {identity.provider_id} was disconnected"
                )
        await self._end(user.subject, {identity.provider_id for identity in identities}, spared)

    async def _end(self, subject: str, providers: Collection[str], spared: Session | None) -> None:
        def is_over(session: Session) -> bool:
            return session.provider_id in providers and (spared is None or session.key != spared.key)

        # The sessions end first: code that opens a grant in one of them checks the session afterwards.
        ended = await self.sessions.end_those(subject, is_over)
        for grant in await self.grants.of_subject(subject):
            if spared is not None and grant.session_key == spared.key:
                continue
            if grant.session_key in ended or _given_through(providers, grant):
                await self.grants.revoke(grant.grant_id, _DISCONNECTED)

    @asynccontextmanager
    async def one_at_a_time(self, user: User) -> AsyncIterator[None]:
        """Allow one disconnection of an account at a time: two could remove the last two ways to log in.

        Raises:
            NotDisconnectedError: another one is under way.
        """
        key = keys.once("disconnecting", user.subject)
        if not await self.store.put_once(key, ttl_s=_LONGEST_S):
            raise NotDisconnectedError(Text("another identity is being disconnected; try again"))
        try:
            yield
        finally:
            with suppress(StoreUnavailableError):  # it expires soon, and this must not hide an error
                await self.store.delete(key)


def _given_through(providers: Collection[str], grant: Grant) -> bool:
    """Whether a grant was given in a login through one of `providers`, in any session."""
    # Grants from before providers were recorded only say that it was some provider.
    return grant.acr == ACR_FEDERATED and (grant.provider_id is None or grant.provider_id in providers)
