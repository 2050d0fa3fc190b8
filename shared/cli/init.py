"""``doorward init``: a `.env` with fresh secrets, for docker compose."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from shared.cli.console import CommandError, output
from shared.cli.installation import Secrets, resource_servers
from shared.cli.private_files import create_private_file
from shared.uris import check_public_url

IN_COMPOSE = "http://resource:9001"
"""Where the auth service of docker-compose.yml reaches the resource service."""


def init(
    issuer: Annotated[str, typer.Option(help="Public URL of the auth service.")] = "http://localhost:9000",
    resource: Annotated[
        str, typer.Option(help="Public URL of the MCP server.")
    ] = "http://localhost:9001/mcp",
    file: Annotated[Path, typer.Option(help="Where to write.")] = Path(".env"),
) -> None:
    """Write a .env with fresh secrets; one that is there is left as it is."""
    for url in (issuer, resource):
        _check(url)
    try:
        create_private_file(file, environment_file(issuer, resource))
    except FileExistsError:
        raise CommandError(f"{file} exists and is left as it is; move it away to have a new one") from None
    output.print(f"Wrote {file}. Keep it to yourself. Next: docker compose up --build -d")


def environment_file(issuer: str, resource: str) -> str:
    """The text of a `.env` that both docker compose and a shell read, with fresh secrets."""
    drawn = Secrets.fresh()
    servers = resource_servers(resource, drawn.resource_secret)
    for described in servers[0]["resources"]:
        path = urlsplit(described["resource"]).path.removesuffix("/")
        described["metadata_url"] = f"{IN_COMPOSE}/.well-known/oauth-protected-resource{path}"
    return f"""\
# Who has this file can read the store and issue tokens. docs/configuration.md explains each name.
DOORWARD_ISSUER={issuer}
DOORWARD_RESOURCE={resource}
DOORWARD_MASTER_KEYS={drawn.master_keys}
DOORWARD_RESOURCE_SECRET={drawn.resource_secret}
DOORWARD_RESOURCE_SERVERS='{json.dumps(servers, separators=(",", ":"))}'
DOORWARD_REDIS_PASSWORD={secrets.token_urlsafe(32)}
"""


def _check(url: str) -> None:
    try:
        check_public_url(url)
    except ValueError as error:
        raise CommandError(f"{url}: {error}") from error
