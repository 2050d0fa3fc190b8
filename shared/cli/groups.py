"""``doorward groups``: manage the local groups that access rules name."""

from __future__ import annotations

from typing import Annotated

import typer

from shared.cli.access import run
from shared.cli.console import AsJson, CommandError, output, print_json, print_table
from shared.cli.operations import record_command

groups = typer.Typer(help="The groups of this installation, and who is in them.", no_args_is_help=True)
Group = Annotated[str, typer.Argument(help="The name of the group.")]
Members = Annotated[
    list[str], typer.Argument(help="Usernames, e-mail addresses, or other names that access rules know.")
]


@groups.command("list")
def list_(
    group: Annotated[str | None, typer.Argument(help="Only its members.")] = None, *, as_json: AsJson = False
) -> None:
    """List the groups with their members."""
    names = run(lambda api: api.groups.names()) if group is None else [group]
    if as_json:
        print_json(
            {"group": name, "members": run(lambda api, name=name: api.groups.members(name))}  # type: ignore[misc]
            for name in names
        )
        return
    members = {name: run(lambda api, name=name: api.groups.members(name)) for name in names}  # type: ignore[misc]
    print_table(("GROUP", "MEMBER"), ((name, member) for name in names for member in members[name]))


@groups.command()
def add(group: Group, members: Members) -> None:
    """Add people to a group. They need no account yet."""
    _check(group, members)
    record_command(group=group, count=len(members))
    for member in members:
        name = run(lambda api, member=member: api.groups.add(group, member))  # type: ignore[misc]
        output.print(f"{name} is in {group}", markup=False)


@groups.command()
def remove(group: Group, members: Members) -> None:
    """Remove people from a group. Permissions that they have by it end within a second."""
    _check(group, members)
    record_command(group=group, count=len(members))
    for member in members:
        if not run(lambda api, member=member: api.groups.remove(group, member)):  # type: ignore[misc]
            raise CommandError(f"{member} was not in {group}")
        output.print(f"{member} is not in {group}", markup=False)


def _check(group: str, members: list[str]) -> None:
    """Check all names before anything is changed."""
    from auth_service.access.groups import editable
    from auth_service.protocol.access_document import person_name

    try:
        editable(group)
        for member in members:
            person_name(member)
    except ValueError as error:
        raise CommandError(f"{error}; nothing was changed") from error
