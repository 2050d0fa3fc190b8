"""People at an identity provider, and how they log in; for the tests of it."""

from __future__ import annotations

from typing import Any

from auth_service.crypto.secrets import new_id
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.protocol.identity_providers import PRESETS, AllowList, IdentityProvider
from tests.auth_service.federation.provider import FederatedPerson
from tests.auth_service.service import AuthorizationServer
from tests.flow import Person

ISSUER = "https://idp.example"
PROVIDER = IdentityProvider(
    provider_id="idp",
    preset=PRESETS["openid"],
    issuer=ISSUER,
    client_id="doorward",
    label="IdP",
    scopes=("openid",),
    allow=AllowList(everyone=True),
    links_email=True,
)


def somebody() -> FederatedIdentity:
    name = new_id().lower()
    return FederatedIdentity(
        issuer=ISSUER, subject=name, names=(f"p{name}",), email=f"{name.strip('-_')}@corp.example"
    )


def logged_in_as(person: Person, server: AuthorizationServer) -> str | None:
    """The subject on the account page."""
    page = person.open(f"{server.origin}/account")
    if page.url.path != "/account":
        return None
    return page.text.partition("MCP servers identify you as <code>")[2].partition("<")[0]


def open_login(person: FederatedPerson, server: AuthorizationServer) -> Any:
    return person.log_in(person.open(f"{server.origin}/login"))
