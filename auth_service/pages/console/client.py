"""One client: its page, and the actions on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.administration.clients import (
    SECRET_PREFIX,
    ClientAdministration,
    NoSuchClientError,
    NotOperatorsClientError,
    client_version,
)
from auth_service.crypto.secrets import digest
from auth_service.pages.console.client_form import fields_of, members_of, method_label
from auth_service.pages.console.sections import Administrator, NotThereError
from auth_service.pages.console.software import software_url
from auth_service.pages.current_password import NotDoneError
from auth_service.pages.pagination import paginated
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidRequestError, OAuthError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.software import places, software_key
from auth_service.web.moments import day
from auth_service.web.render import PageTemplates, see_other
from shared.texts import Text


@dataclass(frozen=True)
class ClientSection:
    """The section of one client: edits, disables, enables and removes it, and gives it a new secret."""

    administration: ClientAdministration
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"edit", "rotate", "remove", "enable"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        client = await self._find(query.get("id"))
        if query.get("confirm") == "remove":
            context = {"admin": admin, "client": client, "url": client_url(client.client_id)}
            return self.templates.render("console_client_remove.html", context)
        return await self._page(client, query, admin)

    async def _page(
        self,
        client: Client,
        query: Parameters,
        admin: Administrator,
        *,
        secret: str | None = None,
        wrong: str = "",
        fields: dict[str, Any] | None = None,
    ) -> Response:
        grants = await self.administration.grants.of_client(client.client_id)
        listed, page = paginated(grants[::-1], query, "client")
        context = {
            "admin": admin,
            "client": client,
            "software_key": software_key(client),
            "places": places(client),
            "method": method_label(client),
            "registered": day(client.created_at),
            "used": day(client.used_at) if client.used_at else None,
            "ends": day(client.expires_at),
            "old_secret_until": day(client.previous_secret_until) if client.previous_secret_hash else None,
            "version": client_version(client),
            "fields": fields or fields_of(client.metadata),
            "secret": secret,
            "wrong": wrong,
            "page": page,
            "count": len(grants),
            "connections": [(grant.username, day(grant.created_at), grant.scopes) for grant in listed],
        }
        status = 400 if wrong else 200
        return self.templates.render("console_client.html", context, status=status)

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        client, action = await self._find(form.require("client_id")), form.require("action")
        if action == "edit":
            return await self._edit(client, form, admin)
        if action == "rotate":
            return await self._rotate(client, admin)
        if action == "remove":
            return await self._remove(client, admin)
        if action not in ("disable", "enable"):
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action is none of the buttons on the page")
        change = self.administration.disable if action == "disable" else self.administration.enable
        try:
            await change(client.client_id)
        except NoSuchClientError as error:
            raise NotThereError from error
        admin.audit(f"client {action}d", client_id=client.client_id)
        return see_other(client_url(client.client_id))

    async def _find(self, client_id: str | None) -> Client:
        client = await self.administration.clients.get(client_id) if client_id else None
        if client is None:
            raise NotThereError
        return client

    async def _edit(self, client: Client, form: Parameters, admin: Administrator) -> Response:
        version = form.require("version")

        def require(current: Client) -> None:
            if client_version(current) != version:
                raise NotDoneError(
                    Text("Somebody else has changed the client in the meantime."),
                    409,
                    Reason.IF_MATCH_FAILED,
                )

        members = members_of(form, client.metadata)
        try:
            made = await self.administration.edit(client.client_id, members, require=require)
        except NoSuchClientError as error:
            raise NotThereError from error
        except NotOperatorsClientError as error:
            raise InvalidRequestError(Reason.ADMIN_CONFLICT, str(error)) from error
        except OAuthError as error:
            return await self._page(
                client, Parameters({}), admin, wrong=error.description, fields=fields_of(members)
            )
        admin.audit("client edited", client_id=client.client_id)
        if made.client_secret is not None:
            return await self._page(made.client, Parameters({}), admin, secret=made.client_secret)
        return see_other(client_url(client.client_id))

    async def _rotate(self, client: Client, admin: Administrator) -> Response:
        drawn = await admin.drawn()
        if client.secret_hash != digest(f"{SECRET_PREFIX}{drawn}"):
            if admin.is_repeated:
                return see_other(client_url(client.client_id))  # submitted again after a later rotation
            admin.audit("client secret rotated", client_id=client.client_id)
        secret = await self.administration.rotate_secret(client.client_id, drawn)
        if secret is None:
            raise NotThereError
        # Shown in this response, without a redirect: it is not stored, so no later page could show it.
        return await self._page(await self._find(client.client_id), Parameters({}), admin, secret=secret)

    async def _remove(self, client: Client, admin: Administrator) -> Response:
        if await self.administration.delete(client.client_id):
            admin.audit("client removed", client_id=client.client_id)
        return see_other(await software_url(self.administration.clients, software_key(client)))


def client_url(client_id: str) -> str:
    """Return the page of a client, relative to the console."""
    return f"client?{urlencode({'id': client_id})}"
