"""Clients by software, and the clients of one software."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from anyio import to_thread
from starlette.responses import Response

from auth_service.clients.repository import ClientRepository
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

    dangerous: ClassVar = frozenset[str]()

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
    """The section of the clients of one software; deletes those that are unused."""

    clients: ClientRepository
    grants: GrantRepository
    templates: PageTemplates

    dangerous: ClassVar = frozenset[str]()

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        software, wanted = await self._find(query.get("key")), query.get("q") or ""
        matching = [client for client in software.clients if _mentions(client, wanted.casefold())]
        clients, page = paginated(matching, query, "clients")
        return self.templates.render(
            "console_clients.html",
            {
                "admin": admin,
                "q": wanted,
                "software": _summary(software),
                "page": page,
                "clients": [await self._client(client) for client in clients],
            },
        )

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        key = form.require("key")
        if form.require("action") != "remove_unused":
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be remove_unused")
        await self._remove_unused(await self._find(key), admin)
        return see_other(await software_url(self.clients, key))

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
            "disabled": client.disabled,
            "url": f"client?{urlencode({'id': client.client_id})}",
            "places": places(client),
            "registered": day(client.created_at),
            "used": day(max([*issued, *([client.used_at] if client.used_at else [])], default=None)),
            "ends": day(client.expires_at),
            "grants": len(grants),
            "many": len(grants) >= MOST_GRANTS,
        }

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


async def software_url(clients: ClientRepository, key: str) -> str:
    """Return the page of a software, relative to the console; that of all software once it has no client."""
    left = any(software.key == key for software in await _software(clients))
    return f"clients?{urlencode({'key': key})}" if left else "software"


def _mentions(client: Client, wanted: str) -> bool:
    return any(wanted in text.casefold() for text in (client.client_id, client.name, *places(client)))
