"""Clients by software, and the clients of one software, with their deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread
from starlette.responses import Response

from auth_service.clients.repository import ClientRepository
from auth_service.crypto.secrets import digest, new_secret
from auth_service.grants.repository import GrantRepository
from auth_service.pages.console.sections import (
    MOST_GRANTS,
    Administrator,
    NotThereError,
)
from auth_service.pages.pagination import paginated
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.software import Software, grouped, places
from auth_service.web.moments import day
from auth_service.web.render import PageTemplates, see_other

_REMOVED_AT_ONCE = 50


@dataclass(frozen=True)
class SoftwareSection:
    """The section of all software that has registered, newest registration first."""

    clients: ClientRepository
    templates: PageTemplates

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        matching = await _software(self.clients)
        wanted = query.get("q")
        if wanted:
            matching = [software for software in matching if software.mentions(wanted)]
        listed, page = paginated(matching, query, "software")
        return self.templates.render(
            "console_software.html",
            {
                "admin": admin,
                "q": wanted or "",
                "page": page,
                "groups": [_summary(software) for software in listed],
            },
        )

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "nothing can be done on this page")


@dataclass(frozen=True)
class ClientsSection:
    """The section of the clients of one software; deletes one, or those that are unused."""

    clients: ClientRepository
    grants: GrantRepository
    templates: PageTemplates

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        software = await self._find(query.get("key"))
        return await self._page(software, query, admin)

    async def _page(
        self,
        software: Software,
        query: Parameters,
        admin: Administrator,
        *,
        made: tuple[str, str] | None = None,
    ) -> Response:
        clients, page = paginated(software.clients, query, "clients")
        return self.templates.render(
            "console_clients.html",
            {
                "admin": admin,
                "made": made,
                "software": _summary(software),
                "page": page,
                "clients": [await self._client(client) for client in clients],
            },
        )

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        key, action = form.require("key"), form.require("action")
        if action == "rotate":
            return await self._rotate(await self._find(key), form.require("client_id"), admin)
        if action == "remove":
            await self._remove(form.require("client_id"), admin)
        elif action == "remove_unused":
            await self._remove_unused(await self._find(key), admin)
        else:
            raise InvalidRequestError(
                Reason.FORM_FIELD_INVALID, "action must be rotate, remove or remove_unused"
            )
        left = any(software.key == key for software in await _software(self.clients))
        return see_other(_url(key) if left else "software")

    async def _find(self, key: str | None) -> Software:
        for software in await _software(self.clients):
            if software.key == key:
                return software
        raise NotThereError

    async def _client(self, client: Client) -> dict[str, Any]:
        grants = await self.grants.of_client(client.client_id, MOST_GRANTS)
        issued = [grant.issued_at for grant in grants if grant.issued_at]
        return {
            "client_id": client.client_id,
            "name": client.name,
            "has_secret": client.has_secret,
            "old_secret_until": _old_secret_until(client),
            "places": places(client),
            "registered": day(client.created_at),
            "used": day(max([*issued, *([client.used_at] if client.used_at else [])], default=None)),
            "ends": day(client.expires_at),
            "grants": len(grants),
            "many": len(grants) >= MOST_GRANTS,
        }

    async def _rotate(self, software: Software, client_id: str, admin: Administrator) -> Response:
        drawn = await admin.submission.secret() if admin.submission else new_secret()
        secret = f"dw_cs_{drawn}"
        client = await self.clients.get(client_id)
        if client is None or not client.has_secret:
            raise NotThereError
        if client.secret_hash != digest(secret):
            if admin.submission and admin.submission.outcome.finished:
                return see_other(_url(software.key))  # submitted again after a later rotation
            await self.clients.rotate_secret(client_id, secret)
            admin.audit("client secret rotated", client_id=client_id)
        # Shown in this response, without a redirect: it is not stored, so no later page could show it.
        made = (client_id, secret)
        return await self._page(await self._find(software.key), Parameters({}), admin, made=made)

    async def _remove(self, client_id: str, admin: Administrator) -> None:
        # Once before, so that the action can be repeated after an outage midway; once after, for grants
        # opened in the meantime.
        await self.grants.revoke_of_client(client_id)
        if await self.clients.delete(client_id):
            admin.audit("client removed", client_id=client_id)
        await self.grants.revoke_of_client(client_id)

    async def _remove_unused(self, software: Software, admin: Administrator) -> None:
        ids, removed = [client.client_id for client in software.unused], 0
        for some in _portions(ids):
            removed += sum(await asyncio.gather(*map(self.clients.delete_unused, some)))
        admin.audit("unused clients removed", software=software.name, key=software.key, count=removed)


async def _software(clients: ClientRepository) -> list[Software]:
    # On a thread: with tens of thousands of clients it would delay token requests for too long.
    return await to_thread.run_sync(grouped, await clients.list())


def _summary(software: Software) -> dict[str, Any]:
    return {
        "key": software.key,
        "name": software.name,
        "domain": software.domain,
        "places": software.places,
        "count": len(software.clients),
        "unused": len(software.unused),
        "first": day(software.first_at),
        "last": day(software.last_at),
        "used": day(software.used_at),
    }


def _portions(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _REMOVED_AT_ONCE] for start in range(0, len(ids), _REMOVED_AT_ONCE)]


def _url(key: str) -> str:
    return f"clients?{urlencode({'key': key})}"


def _old_secret_until(client: Client) -> str | None:
    return day(client.previous_secret_until) if client.previous_secret_hash else None
