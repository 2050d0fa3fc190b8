"""Opens grants: sets their id and lifetime, and checks user, client and session last."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from auth_service.clients.repository import ClientRepository
from auth_service.crypto.handles import new_grant_id
from auth_service.grants.base import Prepare
from auth_service.grants.permissions import Permissions, StoredRules
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.admin_access import SCOPE, may_administer
from auth_service.protocol.client import USE_NOTED_EVERY_S, Client
from auth_service.protocol.errors import InvalidClientError, InvalidGrantError, OAuthError
from auth_service.protocol.grant import Grant, Lifetimes, issue
from auth_service.protocol.jwt_bearer import WORKLOAD_PREFIX
from auth_service.protocol.narrowed_grants import AccessNotGrantedError
from auth_service.protocol.owner import Owner
from auth_service.protocol.reasons import Reason
from auth_service.users.account_reading import account_reading
from auth_service.users.repository import User, UserRepository
from auth_service.users.sessions import Session, SessionRepository
from shared.storage.interface import StoreUnavailableError
from shared.storage.readings import NOTHING, Reading

SESSION_ENDED = "the login session of the grant has ended"


class GrantFactory:
    """Opens grants, either waiting for a code or with tokens at once."""

    def __init__(
        self,
        *,
        grants: GrantRepository,
        clients: ClientRepository,
        users: UserRepository,
        sessions: SessionRepository,
        permissions: Permissions,
        lifetimes: Lifetimes,
    ) -> None:
        self._grants = grants
        self._clients = clients
        self._users = users
        self._sessions = sessions
        self._permissions = permissions
        self._lifetimes = lifetimes

    def draft(
        self,
        client: Client,
        scopes: tuple[str, ...],
        resource: str | None,
        now: int,
        *,
        owner: Owner | None = None,
        waits_s: int = 0,
        grant_id: str | None = None,
        **members: Any,  # noqa: ANN401 -- those of the grant
    ) -> Grant:
        """Return a grant that is not yet open.

        Args:
            owner: the user who grants; None for a client on its own behalf, which never gets a refresh token.
            waits_s: how long the grant may wait for its code.
            grant_id: its id; None for a new one.
            members: further members of the grant; they take precedence over those of `owner`.
        """
        refreshable = owner is not None and (
            "refresh_token" in client.grant_types or "offline_access" in scopes
        )
        life_s = self._lifetimes.refresh_absolute_s if refreshable else self._lifetimes.access_s
        return Grant(
            grant_id=grant_id or new_grant_id(),
            client_id=client.client_id,
            scopes=scopes,
            created_at=now,
            expires_at=now + waits_s + life_s,
            state="code" if waits_s else "active",
            resource=resource,
            refreshable=refreshable,
            **{**(owner.members() if owner else {}), **members},
        )

    async def open(
        self, draft: Grant, rules: StoredRules | None = None, prepare: Prepare | None = None
    ) -> Grant:
        """Open a grant that waits for its code, limited to what its person may hold.

        Args:
            rules: the access rules, as this request has read them; None to read them.
            prepare: awaited with the grant before it is written; if it raises, nothing is.

        Raises:
            AccessNotGrantedError: the person may hold no part of it.
            InvalidClientError: the client no longer exists.
            InvalidGrantError: the user was deleted or disabled, or the session of the grant has ended.
        """
        grant = await self._permissions.permitted(draft, rules)
        if grant is None:
            raise AccessNotGrantedError
        if prepare is not None:
            await prepare(grant)
        # Read after the grant was opened: code that disables a user, ends a session or deletes a client
        # does so before it revokes the open grants, so one of the two notices the other.
        client, user, session = await self._grants.open(
            grant, self._client_of(grant), self._user_of(grant), self._session_of(grant)
        )
        refusal = await self._refusal(grant, client, user, session)
        if refusal is not None:
            await self._grants.revoke(grant.grant_id, refusal.description)
            raise refusal
        return grant

    async def open_active(self, draft: Grant, prepare: Prepare | None = None) -> Grant:
        """Open a grant with its first tokens.

        Args:
            prepare: as for `open`.

        Raises:
            OAuthError: as from `open`.
        """
        return await self.open(issue(draft, self._lifetimes, draft.created_at), prepare=prepare)

    async def abandon(self, grant: Grant) -> None:
        """End a grant whose tokens nobody gets, because what it was opened for could not be used up."""
        # Without the store, it stays, and expires; nobody has its tokens.
        with suppress(StoreUnavailableError):
            await self._grants.revoke(grant.grant_id, "its tokens were not issued")

    async def _refusal(
        self, grant: Grant, client: Client | None, user: User | None, session: Session | None
    ) -> OAuthError | None:
        if not await self._client_stays(grant, client):
            return InvalidClientError(Reason.CLIENT_NOT_ALLOWED, "the client was deleted or disabled")
        # Never invalid_client: clients delete their registration on that error (RFC 6749 §5.2).
        if not await self._user_may(grant, user):
            return InvalidGrantError(Reason.USER_NOT_ALLOWED, "the user was deleted or disabled")
        if session is None and grant.session_key is not None:
            return InvalidGrantError(Reason.SESSION_ENDED, SESSION_ENDED)
        return None

    def _client_of(self, grant: Grant) -> Reading[Client | None]:
        return NOTHING if _is_of_workload(grant) else self._clients.reading(grant.client_id)

    def _user_of(self, grant: Grant) -> Reading[User | None]:
        if grant.subject is None or not _is_of_account(grant):
            return NOTHING
        return account_reading(grant.subject, grant.username or "")

    def _session_of(self, grant: Grant) -> Reading[Session | None]:
        return self._sessions.reading(grant.session_key) if grant.session_key is not None else NOTHING

    async def _client_stays(self, grant: Grant, client: Client | None) -> bool:
        if _is_of_workload(grant):
            return True  # not registered: its issuer vouches for it with each assertion
        if client is None or client.disabled or (SCOPE in grant.scopes and not may_administer(client)):
            return False
        needed_until = max(grant.expires_at, grant.created_at + self._lifetimes.refresh_absolute_s)
        if client.knows_of_use(grant.created_at, needed_until):
            return True
        # A day longer than needed, so that not every grant causes a write to the client.
        return await self._clients.note_use(grant.client_id, needed_until + USE_NOTED_EVERY_S)

    async def _user_may(self, grant: Grant, user: User | None) -> bool:
        if grant.subject is None or not _is_of_account(grant):
            return True
        if user is None:  # deleted, or renamed
            user = await self._users.by_subject(grant.subject)
        return user is not None and not user.disabled


def _is_of_workload(grant: Grant) -> bool:
    return grant.client_id.startswith(WORKLOAD_PREFIX)


def _is_of_account(grant: Grant) -> bool:
    return grant.assertion_issuer is None
