"""The data that this server stores about a person, without anything that authenticates (ID-7)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from auth_service.clients.repository import ClientRepository
from auth_service.connected_accounts.records import ConnectedAccount, ConnectedAccountRecords
from auth_service.federation.identities import Identity, IdentityRepository
from auth_service.grants.repository import GrantRepository
from auth_service.grants.tool_calls import ToolCallRepository
from auth_service.protocol.client import Client
from auth_service.protocol.factors import Factors
from auth_service.protocol.grant import Grant
from auth_service.protocol.interaction import Approval
from auth_service.protocol.known_browsers import KnownBrowser
from auth_service.protocol.tool_calls import DayCalls
from auth_service.users.factors import FactorRepository
from auth_service.users.known_browsers import KnownBrowserRepository
from auth_service.users.repository import User
from auth_service.users.sessions import Session, SessionRepository


class Consents(Protocol):
    """The remembered consents; see `authorize.consents`."""

    async def approvals(self, session: Session, client: Client) -> tuple[Approval, ...]: ...


@dataclass(frozen=True, kw_only=True)
class OwnData:
    """Collects the data of an account. Members are listed explicitly: new fields are not published."""

    sessions: SessionRepository
    grants: GrantRepository
    clients: ClientRepository
    consents: Consents
    identities: IdentityRepository
    factors: FactorRepository
    known_browsers: KnownBrowserRepository
    tool_calls: ToolCallRepository
    provider_accounts: ConnectedAccountRecords

    async def of(self, user: User, session: Session) -> dict[str, Any]:
        """Return the data as a JSON object.

        Args:
            session: the person's session; only the consents remembered for it are included.
        """
        grants = await self.grants.of_subject(user.subject)
        identities = await self.identities.of_subject(user.subject)
        return {
            "account": _account(user),
            "sessions": [_session(each) for each in await self.sessions.of_subject(user.subject)],
            "known_browsers": [_browser(each) for each in await self.known_browsers.of(user.subject)],
            "connections": [await self._grant(grant) for grant in grants],
            "consents": await self._consents(session, {grant.client_id for grant in grants}),
            "identities": [_identity(each) for each in identities],
            "provider_accounts": [
                _provider_account(each) for each in await self.provider_accounts.of_subject(user.subject)
            ],
            "second_factors": _factors(await self.factors.of(user.subject)),
        }

    async def _grant(self, grant: Grant) -> dict[str, Any]:
        client = await self.clients.get(grant.client_id)
        return {
            "client_id": grant.client_id,
            "client_name": client.name if client else None,
            "resource": grant.resource,
            "scopes": list(grant.scopes),
            "since": _time(grant.created_at),
            "last_renewed": _time(grant.issued_at),
            "ends": _time(grant.expires_at),
            "tool_calls": _calls(await self.tool_calls.of(grant.grant_id)),
        }

    async def _consents(self, session: Session, client_ids: set[str]) -> list[dict[str, Any]]:
        listed = list[dict[str, Any]]()
        for client_id in sorted(client_ids):
            client = await self.clients.get(client_id)
            for approval in await self.consents.approvals(session, client) if client else ():
                listed.append({"client_id": client_id, **asdict(approval)})
        return listed


def _account(user: User) -> dict[str, Any]:
    return {
        "subject": user.subject,
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "unproven_email": user.unproven_email,
        "created": _time(user.created_at),
        "administrator": user.admin,
        "has_password": bool(user.password_hash),
    }


def _session(session: Session) -> dict[str, Any]:
    return {
        "logged_in": _time(session.auth_time),
        "last_seen": _time(session.last_seen_at),
        "ends": _time(session.expires_at),
        "identity_provider": session.provider_id,
        "methods": list(session.amr),
        "login": asdict(session.source) if session.source else None,
        "last_network": session.seen_network,
    }


def _browser(browser: KnownBrowser) -> dict[str, Any]:
    return {
        "name": browser.name,
        "network": browser.network,
        "first_login": _time(browser.first_at),
        "last_login": _time(browser.last_at),
    }


def _calls(calls: DayCalls) -> dict[str, Any]:
    tools = {each.tool: each.count for each in calls.tools}
    return {"tools": tools, "others": calls.others, "refused": calls.refused}


def _identity(identity: Identity) -> dict[str, Any]:
    return {
        "provider": identity.provider_id,
        "issuer": identity.issuer,
        "subject": identity.provider_subject,
        "name": identity.name,
        "email": identity.email,
        "groups": list(identity.groups),
        "since": _time(identity.connected_at),
        "last_used": _time(identity.seen_at),
    }


def _provider_account(account: ConnectedAccount) -> dict[str, Any]:
    return {
        "provider": account.provider,
        "resource": account.resource,
        "since": _time(account.connected_at),
        "last_renewed": _time(account.replaced_at),
    }


def _factors(factors: Factors) -> dict[str, Any]:
    return {
        "passkeys": [
            {"name": key.name, "added": _time(key.added_at), "last_used": _time(key.used_at)}
            for key in factors.passkeys
        ],
        "changes": [{"what": note.text, "at": _time(note.at)} for note in factors.notices],
    }


def _time(moment: int) -> str | None:
    """Format a time by ISO 8601; None for never."""
    return datetime.fromtimestamp(moment, UTC).isoformat() if moment else None
