"""``doorward clients``: clients created by the operator, mainly those that act without a user."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from shared.cli.console import CommandError, output
from shared.cli.store import open_local_store
from shared.clock import system_clock

clients = typer.Typer(help="Add, list and remove clients.", no_args_is_help=True)
_GRANTS = (
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
)


@clients.command()
def add(
    name: Annotated[str, typer.Argument(help="Name on the consent page and in the list.")],
    grant: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(_GRANTS)}.")] = None,
    redirect_uri: Annotated[list[str] | None, typer.Option(help="Required for authorization_code.")] = None,
    scope: Annotated[
        str | None, typer.Option(help="Scopes that the client may get, separated by spaces.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Add a public client, without a secret.")] = False,
) -> None:
    """Create a client, by default for client_credentials, and print its credentials, once."""
    for grant_type in grant or []:
        if grant_type not in _GRANTS:
            raise CommandError(f"--grant {grant_type}: not one of {', '.join(_GRANTS)}")
    body: dict[str, object] = {
        "client_name": name,
        "grant_types": grant or ["client_credentials"],
        "redirect_uris": redirect_uri,
        "scope": scope,
        "token_endpoint_auth_method": "none" if public else "client_secret_basic",
    }
    output.print_json(json.dumps(asyncio.run(_add(body))))


@clients.command("list")
def list_() -> None:
    """List the clients."""
    for row in asyncio.run(_list()):
        output.print("\t".join(row), markup=False)


@clients.command()
def remove(client_id: Annotated[str, typer.Argument()]) -> None:
    """Remove a client and revoke its grants."""
    if not asyncio.run(_remove(client_id)):
        raise CommandError(f"there is no client with the id {client_id}")
    output.print(f"Removed {client_id}", markup=False)


@clients.command()
def invite(
    uses: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of registrations that the token allows.")
    ] = 1,
    hours: Annotated[int, typer.Option(min=1, max=87_600, help="Lifetime of the token.")] = 24,
) -> None:
    """Create an initial access token, with which a client may register if registration is closed."""
    output.print(asyncio.run(_invite(uses, hours * 3600)), markup=False, soft_wrap=True)


async def _invite(uses: int, ttl_s: int) -> str:
    from auth_service.clients.registration_policy import InitialAccessTokenRepository

    async with open_local_store() as store:
        return await InitialAccessTokenRepository(store, system_clock).make(uses=uses, ttl_s=ttl_s)


async def _add(body: dict[str, object]) -> dict[str, str]:
    from auth_service.clients.repository import ClientRepository
    from auth_service.protocol.errors import OAuthError
    from auth_service.protocol.registration import parse_metadata

    try:
        metadata = parse_metadata(body)[0].registered(_GRANTS)
    except OAuthError as error:
        raise CommandError(error.description) from error
    async with open_local_store() as store:
        made = await ClientRepository(store, system_clock).register(metadata, unused_ttl_s=None)
    credentials = {"client_id": made.client.client_id, "client_secret": made.client_secret}
    return {name: value for name, value in credentials.items() if value}


async def _list() -> list[tuple[str, ...]]:
    from auth_service.clients.repository import ClientRepository

    async with open_local_store() as store:
        clients = await ClientRepository(store, system_clock).list()
    return [(client.client_id, client.name, " ".join(client.grant_types)) for client in clients]


async def _remove(client_id: str) -> bool:
    from auth_service.clients.repository import ClientRepository
    from auth_service.grants.repository import GrantRepository

    async with open_local_store() as store:
        deleted = await ClientRepository(store, system_clock).delete(client_id)
        await GrantRepository(store, system_clock).revoke_of_client(client_id)
    return deleted
