"""Tells a person that they may hold nothing at a resource, and whom to ask (ID-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.access.control import AccessControl
from auth_service.authorize.refused import RefusedRequests
from auth_service.protocol.authorization import AuthorizationRequest, response_target_of
from auth_service.protocol.client import Client
from auth_service.protocol.resources import ResourceRegistry
from auth_service.web.page_context import PageContext

_STATUS = 403


@dataclass(frozen=True, kw_only=True)
class NoAccessPage:
    """The page, with a button that sends the error to the client; a device gets the error when it polls."""

    access: AccessControl
    context: PageContext
    refused: RefusedRequests
    resource_registry: ResourceRegistry

    async def page(
        self,
        request: Request,
        client: Client,
        authorization_request: AuthorizationRequest,
        error: Mapping[str, str] | None,
    ) -> Response:
        """Return the page.

        Args:
            error: the members of the error response; None for a device.
        """
        resource = self.resource_registry.by_identifier(authorization_request.resource)
        contact = await self.access.contact()
        variables: dict[str, Any] = {"resource": resource, "contact": contact, "fields": {}}
        cookies: tuple[str, ...] = ()
        if error is None:
            browser = self.context.browsers.browser_of(request)
            variables |= {"client_name": client.name, "visitor": await self.context.errors.visitor(browser)}
        else:
            target = response_target_of(authorization_request)
            more, cookies = await self.refused.context_of(request, client, target, error)
            variables |= more
        return self.context.templates.render("no_access.html", variables, status=_STATUS, cookies=cookies)
