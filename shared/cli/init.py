"""``doorward init``: writes the environment files for docker compose, with new secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.console import CommandError, output
from shared.cli.environment_files import Installation, auth_file, read_environment, resource_file
from shared.cli.private_files import create_private_file
from shared.uris import check_public_url, resource_key

DEFAULT_FILE = Path(".env")
NEXT = "Next: docker compose up --build -d"


def init(
    issuer: Annotated[str, typer.Option(help="Public URL of the auth service.")] = "http://localhost:9000",
    *,
    resource: Annotated[
        str, typer.Option(help="Public URL of the MCP server.")
    ] = "http://localhost:9001/mcp",
    upstream: Annotated[
        str | None, typer.Option(help="URL of an MCP server of your own, instead of the built-in one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="With --upstream: its name, for people who are asked for consent.")
    ] = None,
    file: Annotated[
        Path, typer.Option(help="Where to write; what the resource service gets goes beside it.")
    ] = DEFAULT_FILE,
) -> None:
    """Write .env for compose and the auth service, and resource.env for the resource service.

    Files that exist are left as they are. A .env of an earlier release is read, and what the resource service
    needs of it is written to resource.env.
    """
    _check(issuer, resource=resource, upstream=upstream, name=name, file=file)
    beside = file.with_name("resource.env" if file.name == ".env" else f"resource.{file.name}")
    if beside.exists():
        raise CommandError(f"{beside} exists and is left as it is; move it away to have a new one")
    if file.exists():
        _write(beside, resource_file(read_environment(file)))
        output.print(f"Wrote {beside} from {file}, which is left as it is. {NEXT}", markup=False)
        return
    installation = Installation.fresh(issuer, resource, upstream, name)
    paths = {} if file == DEFAULT_FILE else _paths(file, beside)
    text = auth_file(installation, paths)
    _write(file, text)
    _write(beside, resource_file(installation.environment))
    output.print(f"Wrote {file} and {beside}. Nobody else should read them. {NEXT}", markup=False)


def _paths(file: Path, beside: Path) -> dict[str, str]:
    """Return the variables that tell compose where the files are, instead of in its own directory."""
    return {
        "DOORWARD_ENV_FILE": str(file.resolve()),
        "DOORWARD_RESOURCE_ENV_FILE": str(beside.resolve()),
    }


def _check(issuer: str, *, resource: str, upstream: str | None, name: str | None, file: Path) -> None:
    for option, url in (("--issuer", issuer), ("--resource", resource)):
        try:
            check_public_url(url)
        except ValueError as error:
            raise CommandError(f"{option} {url}: {error}") from error
    if issuer.endswith("/"):
        raise CommandError(f"--issuer {issuer}: the issuer must not end with a slash")
    if resource_key(issuer) == resource_key(resource):
        raise CommandError("--issuer and --resource are the same URL")
    if upstream is not None and not upstream.startswith(("http://", "https://", "stdio:")):
        raise CommandError(f"--upstream {upstream}: http://…, https://… or stdio:COMMAND")
    if name is not None and upstream is None:
        raise CommandError("--name is for --upstream")
    if name is not None and not (0 < len(name) <= 100 and name.isprintable() and "'" not in name):
        raise CommandError("--name takes 1 to 100 printable characters, without a quote")
    if not file.parent.is_dir():
        raise CommandError(f"--file {file}: there is no directory {file.parent}")


def _write(file: Path, text: str) -> None:
    try:
        create_private_file(file, text)
    except FileExistsError:
        raise CommandError(f"{file} exists and is left as it is; move it away to have a new one") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
