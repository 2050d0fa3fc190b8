"""``doorward init``: writes the environment files for docker compose, with new secrets."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.console import CommandError, output
from shared.cli.environment_files import (
    Installation,
    auth_file,
    read_environment,
    resource_file,
    separate_files,
)
from shared.cli.mount_options import JoinOption, MountOptions, mount_settings
from shared.cli.private_files import create_private_file, make_private_directory
from shared.cli.public_urls import check_public_urls
from shared.clock import system_clock

SETUP_S = 86_400
DEFAULT_FILE = Path(".env")
NEXT = "Next: docker compose up --build -d"


def init(
    issuer: Annotated[
        str, typer.Option(help="Public URL of the authorization server.")
    ] = "http://localhost:9000",
    *,
    resource: Annotated[
        str, typer.Option(help="Public URL of the MCP server.")
    ] = "http://localhost:9001/mcp",
    upstream: Annotated[
        str | None, typer.Option(help="URL of the MCP server to protect, instead of the built-in one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="With --upstream or --join: its name on the consent page.")
    ] = None,
    mount: MountOptions = None,
    join: JoinOption = False,
    file: Annotated[
        Path, typer.Option(help="File to write; resource.env is written in the same directory.")
    ] = DEFAULT_FILE,
    secrets_in: Annotated[
        Path | None,
        typer.Option(
            help="A directory for systemd or Kubernetes, instead of the files for compose: each secret in a "
            "file of its own, and auth.env and resource.env without secrets."
        ),
    ] = None,
) -> None:
    """Write .env for compose and the authorization server, and resource.env for the resource service.

    Existing files are not changed. The settings of the resource service in a .env of an earlier release are
    written to resource.env.
    """
    _check(issuer, resource=resource, upstream=upstream, file=file)
    gateway = _gateway(upstream, mount_settings(mount or [], join=join), name)
    if secrets_in is not None:
        if mount:
            raise CommandError(
                "--mount writes the files for compose: with --secrets-in, list the resources in a file that "
                "DOORWARD_RESOURCE_SERVERS_FILE names"
            )
        _write_separately(secrets_in, Installation.fresh(issuer, resource, gateway), issuer)
        return
    beside = file.with_name("resource.env" if file.name == ".env" else f"resource.{file.name}")
    if beside.exists():
        raise CommandError(f"{beside} already exists and was not changed; move it away to create a new one")
    if file.exists():
        _write(beside, resource_file(read_environment(file)))
        output.print(f"Wrote {beside} from {file}, which was not changed. {NEXT}", markup=False)
        return
    installation = Installation.fresh(issuer, resource, gateway)
    paths = {} if file == DEFAULT_FILE else _paths(file, beside)
    secret, installation = _with_setup_link(installation)
    text = auth_file(installation, paths)
    _write(file, text)
    _write(beside, resource_file(installation.environment))
    output.print(f"Wrote {file} and {beside}. Keep both files secret. {NEXT}", markup=False)
    _print_link(issuer, secret)


def _write_separately(directory: Path, installation: Installation, issuer: str) -> None:
    secret, installation = _with_setup_link(installation)
    texts = separate_files(installation)
    try:
        make_private_directory(directory)
    except OSError as error:
        raise CommandError(f"--secrets-in {directory}: {error.strerror}") from error
    existing = [name for name in texts if (directory / name).exists()]
    if existing:
        raise CommandError(f"{directory / existing[0]} already exists; nothing was changed")
    for name, text in texts.items():
        _write(directory / name, text)
    output.print(f"Wrote {', '.join(texts)} in {directory}. Next: set DOORWARD_STORE, as in", markup=False)
    output.print("docs/how-to/virtual-machine.md or docs/how-to/kubernetes.md", markup=False)
    _print_link(issuer, secret)


def _with_setup_link(installation: Installation) -> tuple[str, Installation]:
    """Return a new secret, and the settings with its digest."""
    secret = secrets.token_urlsafe(32)
    return secret, installation.with_setup_link(secret, expires_at=int(system_clock()) + SETUP_S)


def _print_link(issuer: str, secret: str) -> None:
    output.print(f"Then create the first administrator: {issuer}/set-up?link={secret}", markup=False)
    output.print("The link works once, within a day. It is not shown again.", markup=False)


def _paths(file: Path, beside: Path) -> dict[str, str]:
    """Return the variables that tell compose where the files are, instead of in its own directory."""
    return {
        "DOORWARD_ENV_FILE": str(file.resolve()),
        "DOORWARD_RESOURCE_ENV_FILE": str(beside.resolve()),
    }


def _check(issuer: str, *, resource: str, upstream: str | None, file: Path) -> None:
    check_public_urls(issuer, resource)
    if upstream is not None and not upstream.startswith(("http://", "https://", "stdio:")):
        raise CommandError(f"--upstream {upstream}: http://…, https://… or stdio:COMMAND")
    if not file.parent.is_dir():
        raise CommandError(f"--file {file}: there is no directory {file.parent}")


def _gateway(upstream: str | None, mounts: Mapping[str, str], name: str | None) -> dict[str, str]:
    """Return the settings for the MCP servers of the resource service; empty for the built-in one."""
    joins = "DOORWARD_JOIN" in mounts
    if joins and upstream is not None:
        raise CommandError("--join joins the mounts: leave --upstream out, or make it a mount")
    if name is not None and upstream is None and not joins:
        raise CommandError("--name requires --upstream or --join")
    if name is not None and not (0 < len(name) <= 100 and name.isprintable() and "'" not in name):
        raise CommandError("--name must be 1 to 100 printable characters without quotation marks")
    for option, values in (("--mount", mounts.values()), ("--upstream", [upstream or ""])):
        if any("'" in value or "\n" in value for value in values):
            raise CommandError(
                f"{option}: the files that are written cannot have a single quotation mark or a line break"
            )
    settings = dict(mounts)
    if upstream is not None:
        settings |= {"DOORWARD_UPSTREAM": upstream}
    if upstream is not None or joins:
        settings |= {"DOORWARD_RESOURCE_NAME": name or ("MCP servers" if joins else "MCP server")}
    return settings


def _write(file: Path, text: str) -> None:
    try:
        create_private_file(file, text)
    except FileExistsError:
        raise CommandError(
            f"{file} already exists and was not changed; move it away to create a new one"
        ) from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error
