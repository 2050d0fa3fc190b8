"""``doorward policy draft``: a first policy, based on what an MCP server offers."""

from __future__ import annotations

import asyncio
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.console import CommandError, errors, output

if TYPE_CHECKING:
    from resource_service.policy.server_inventory import ServerInventory
    from resource_service.targets import Target


def draft(
    url: Annotated[str | None, typer.Argument(help="URL of the MCP server.")] = None,
    *,
    stdio: Annotated[str | None, typer.Option(help="Command that starts the MCP server, over stdio.")] = None,
    file: Annotated[Path | None, typer.Option("--output", "-o", help="New file to write.")] = None,
    name: Annotated[str | None, typer.Option(help="Prefix of the scopes.")] = None,
    authorization: Annotated[
        str | None,
        typer.Option(
            envvar="DOORWARD_UPSTREAM_AUTHORIZATION", help="Authorization header to send to the server."
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(envvar="DOORWARD_UPSTREAM_HOST", help=("Host header to send to the server."))
    ] = None,
) -> None:
    """List what an MCP server offers, and write a first policy for it."""
    if find_spec("mcp") is None:
        raise CommandError(
            "this image does not contain the MCP SDK; use the other image, or `pip install doorward`"
        )
    if (url is None) == (stdio is None):
        raise CommandError("either the URL of the MCP server or --stdio COMMAND is required")
    if file is not None and file.exists():
        raise CommandError(f"{file} already exists and was not changed")
    if file is not None and not file.parent.is_dir():
        raise CommandError(f"there is no directory {file.parent}")
    from resource_service.policy.draft import draft, prefix_of
    from resource_service.policy.validation import PolicyError

    surveyed = _inventory(_target(url or f"stdio:{stdio}", host if url else None), authorization)
    try:
        text = draft(surveyed, name or prefix_of(surveyed.server))
    except PolicyError as error:
        raise CommandError(f"--name: {error.says}") from None
    _write(file, text)


def _target(text: str, host: str | None) -> Target:
    from resource_service.targets import check_host, parse_target

    try:
        return parse_target(text, host and check_host(host))
    except ValueError as error:
        raise CommandError(str(error)) from None


def _inventory(target: Target, authorization: str | None) -> ServerInventory:
    try:
        return asyncio.run(inventory_of(target, authorization))
    except InspectionError as error:
        for line in error.last_lines:
            errors.print(f"  {line}", style="dim", markup=False)
        raise


class InspectionError(CommandError):
    """An MCP server cannot be inspected.

    Attributes:
        last_lines: the end of the standard error of its command.
    """

    def __init__(self, message: str, last_lines: list[str]) -> None:
        super().__init__(message)
        self.last_lines = last_lines


async def inventory_of(target: Target, authorization: str | None = None) -> ServerInventory:
    """List what an MCP server offers.

    Args:
        authorization: the server's own credential, if it requires one.

    Raises:
        InspectionError: the server does not answer, or not as an MCP server.
    """
    from resource_service.gateway.stderr import printable
    from resource_service.policy.server_inventory import ServerInventoryError, take_inventory

    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        try:
            return await take_inventory(target, authorization=authorization, stderr=stderr)
        except ServerInventoryError as error:
            stderr.seek(0)
            last_lines = [printable(line.encode()) for line in stderr.read(100_000).splitlines()[-5:]]
            reason = printable(f"{error}{_advice(target)}".encode())
            raise InspectionError(f"{target.log_name} cannot be inspected: {reason}", last_lines) from None


def _advice(target: Target) -> str:
    from resource_service.targets import HttpTarget

    if isinstance(target, HttpTarget):
        return "; check that it is running, and its path: for most servers the URL ends in /mcp"
    return "; run the command in a terminal to see why it ends"


def _write(file: Path | None, text: str) -> None:
    if file is None:
        output.print(text, end="", markup=False)
        return
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise CommandError(f"{file} already exists and was not changed") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None
    output.print(f"Wrote {file}. Review it, then run: doorward policy check {file}", markup=False)
