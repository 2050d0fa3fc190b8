"""A new client of the operator: its form, and its credentials, shown once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.responses import Response

from auth_service.administration.clients import ClientAdministration, ClientExistsError
from auth_service.crypto.secrets import digest
from auth_service.pages.console.client import client_url
from auth_service.pages.console.client_form import fields_of, members_of
from auth_service.pages.console.sections import Administrator
from auth_service.protocol.errors import InvalidRequestError, OAuthError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.render import PageTemplates, see_other

_USUAL = {"grant_types": ["client_credentials"]}


@dataclass(frozen=True)
class NewClientSection:
    """The section that creates a client."""

    administration: ClientAdministration
    templates: PageTemplates

    dangerous: ClassVar = frozenset({"create"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        return self._form(admin, fields_of(_USUAL))

    def _form(self, admin: Administrator, fields: dict[str, Any], wrong: str = "") -> Response:
        context = {"admin": admin, "fields": fields, "wrong": wrong}
        return self.templates.render("console_new_client.html", context, status=400 if wrong else 200)

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        if form.require("action") != "create":
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be create")
        method = "none" if form.get("public") is not None else "client_secret_basic"
        members = members_of(form, {"token_endpoint_auth_method": method})
        drawn = await admin.drawn()
        client_id = digest(f"client {drawn}")[:32]
        if admin.is_repeated and await self.administration.clients.get(client_id) is None:
            return see_other("software")  # submitted again after the client was removed
        try:
            made = await self.administration.create(members, client_id=client_id, drawn=drawn)
        except ClientExistsError:
            return see_other(client_url(client_id))  # submitted again after it was edited
        except OAuthError as error:
            return self._form(admin, fields_of(members), error.description)
        if not admin.is_repeated:
            admin.audit("client created", client_id=client_id, name=made.client.name)
        context = {"admin": admin, "made": made, "url": client_url(client_id)}
        return self.templates.render("console_client_made.html", context)
