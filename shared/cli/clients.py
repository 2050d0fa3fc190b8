"""``doorward clients``: clients created by the operator, mainly those that act without a user."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import urlsplit

import typer

from shared.cli.console import (
    AsJson,
    CommandError,
    Yes,
    confirm,
    date,
    output,
    print_json,
    print_table,
)
from shared.cli.operations import record_command
from shared.cli.store import open_store_and_clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from auth_service.administration.clients import ClientAdministration
    from auth_service.protocol.client import Client

T = TypeVar("T")

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
    output.console.print_json(json.dumps(_add(body)))


@clients.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the clients."""
    listed = asyncio.run(_list())
    if as_json:
        print_json(
            {
                "client_id": client.client_id,
                "name": client.name,
                "hosts": _hosts(client),
                "grant_types": client.grant_types,
                "created_at": client.created_at,
                "disabled": client.disabled,
            }
            for client in listed
        )
        return
    print_table(("CLIENT ID", "NAME", "HOSTS", "GRANTS", "CREATED", "STATE"), map(_row, listed))


def _row(client: Client) -> tuple[str, ...]:
    grants = (grant.rpartition(":")[2] for grant in client.grant_types)
    state = "disabled" if client.disabled else "enabled"
    hosts = " ".join(_hosts(client)) or "-"
    return client.client_id, client.name, hosts, " ".join(grants), date(client.created_at), state


def _hosts(client: Client) -> list[str]:
    """Return the hosts to which the client has people sent back; the scheme where there is none."""
    parts = map(urlsplit, client.redirect_uris)
    return sorted({each.hostname or f"{each.scheme}:" for each in parts})


@clients.command()
def remove(client_id: Annotated[str, typer.Argument()], yes: Yes = False) -> None:
    """Remove a client and revoke its grants. This cannot be undone."""
    confirm(f"Remove the client {client_id} and end all its connections?", yes=yes)
    record_command(client_id=client_id)
    if not _run(lambda api: api.delete(client_id)):
        raise CommandError(f"there is no client with the id {client_id}")
    output.print(f"Removed {client_id}", markup=False)


@clients.command()
def disable(client_id: Annotated[str, typer.Argument()]) -> None:
    """Disable a client from now on, and end its connections."""
    record_command(client_id=client_id)
    _run(lambda api: api.disable(client_id))
    output.print(f"Disabled {client_id}", markup=False)


@clients.command()
def enable(client_id: Annotated[str, typer.Argument()]) -> None:
    """Enable a disabled client; people connect it again."""
    record_command(client_id=client_id)
    _run(lambda api: api.enable(client_id))
    output.print(f"Enabled {client_id}", markup=False)


@clients.command()
def rotate(client_id: Annotated[str, typer.Argument()]) -> None:
    """Give a client a new secret, and print it, once. The previous one works for seven more days."""
    from auth_service.crypto.secrets import new_secret

    record_command(client_id=client_id)
    secret = _run(lambda api: api.rotate_secret(client_id, new_secret()))
    if secret is None:
        raise CommandError(f"there is no client with the id {client_id} that has a secret")
    output.console.print_json(json.dumps({"client_id": client_id, "client_secret": secret}))


@clients.command()
def invite(
    uses: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of registrations that the token allows.")
    ] = 1,
    hours: Annotated[int, typer.Option(min=1, max=87_600, help="Lifetime of the token.")] = 24,
) -> None:
    """Create an initial access token, with which a client may register if registration is closed."""
    record_command(uses=uses, hours=hours)
    output.print(asyncio.run(_invite(uses, hours * 3600)), markup=False)


async def _invite(uses: int, ttl_s: int) -> str:
    from auth_service.clients.registration_policy import InitialAccessTokenRepository

    async with open_store_and_clock() as (store, clock):
        return await InitialAccessTokenRepository(store, clock).make(uses=uses, ttl_s=ttl_s)


def _run(call: Callable[[ClientAdministration], Awaitable[T]]) -> T:
    from auth_service.administration.clients import ClientAdministration, NoSuchClientError

    async def run() -> T:
        async with open_store_and_clock() as (store, clock):
            return await call(ClientAdministration.of_store(store, clock))

    try:
        return asyncio.run(run())
    except NoSuchClientError as error:
        raise CommandError(f"there is no client with the id {error}") from error


def _add(body: dict[str, object]) -> dict[str, str]:
    from auth_service.administration.client_metadata import operator_metadata
    from auth_service.protocol.errors import OAuthError

    try:
        operator_metadata(body)  # before the store is opened
    except OAuthError as error:
        raise CommandError(error.description) from error
    record_command()
    made = _run(lambda api: api.create(body))
    credentials = {"client_id": made.client.client_id, "client_secret": made.client_secret}
    return {name: value for name, value in credentials.items() if value}


async def _list() -> list[Client]:
    from auth_service.clients.repository import ClientRepository

    async with open_store_and_clock() as (store, clock):
        return await ClientRepository(store, clock).list()
