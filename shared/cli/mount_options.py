"""The options of commands for several MCP servers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import typer

from shared.cli.console import CommandError
from shared.mounts import check_mount_names, check_mount_path, mounts_of

MountOptions = Annotated[
    list[str] | None,
    typer.Option("--mount", help="Another MCP server: /PATH=URL or /PATH=stdio:COMMAND. Can be repeated."),
]
JoinOption = Annotated[
    bool, typer.Option("--join", help="Serve all mounts at the URL of the resource as one MCP server, too.")
]


def mounted(options: Sequence[str]) -> dict[str, object]:
    """Return the mounts that options name, by path.

    Raises:
        CommandError: an option names none, or two name the same path.
    """
    try:
        return mounts_of(options)
    except ValueError as error:
        raise CommandError(f"--mount: {error}") from None


def mount_settings(
    mounts: Sequence[str], *, join: bool, environment: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return the settings that options name, for a command that writes or passes them on.

    Args:
        environment: may name mounts in place of options.

    Raises:
        CommandError: the services would not accept them.
    """
    by_path, joined = mounted(mounts), {"DOORWARD_JOIN": "true"} if join else {}
    if not by_path and "DOORWARD_MOUNTS" in environment:
        return joined
    if join and not by_path:
        raise CommandError("--join joins the mounts: name them with --mount")
    try:
        for path in by_path:
            check_mount_path(path)
        if join:
            check_mount_names(path.removeprefix("/") for path in by_path)
    except ValueError as error:
        raise CommandError(f"--mount: {error}") from None
    for path, upstream in by_path.items():
        if not str(upstream).startswith(("http://", "https://", "stdio:")):
            raise CommandError(f"--mount {path}: the upstream is http://…, https://… or stdio:COMMAND")
    return {"DOORWARD_MOUNTS": json.dumps(by_path), **joined} if by_path else {}
