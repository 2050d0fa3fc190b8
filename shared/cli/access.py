"""``doorward access``: show and change which groups and people may hold which scopes at which resource."""

from __future__ import annotations

import asyncio
import difflib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.cli.console import CommandError, Yes, confirm, errors, output
from shared.cli.operations import record_command
from shared.cli.store import open_store_and_clock

if TYPE_CHECKING:
    from auth_service.access.components import AccessComponents
    from auth_service.access.rules import CurrentAccess
    from auth_service.protocol.access import Access

T = TypeVar("T")

access = typer.Typer(help="Who may use what: groups, people, resources and scopes.", no_args_is_help=True)
OPEN = "There are no access rules: everybody may connect to every resource, with every scope."


@access.command()
def show() -> None:
    """Print the access rules as YAML."""
    current = run(lambda api: api.rules.load())
    if current.access is None:
        errors.print(OPEN, style="dim")
    typer.echo(_text(current), nl=False)


@access.command("set")
def set_(
    file: Annotated[Path, typer.Argument(help="The new rules, as YAML; - for standard input.")],
    yes: Yes = False,
) -> None:
    """Replace the access rules, after showing what changes. Takes effect within a second."""
    changed = _parsed(_content(file))
    current = run(lambda api: api.rules.load())
    _replace(current, changed, yes=yes or str(file) == "-")


@access.command()
def edit(yes: Yes = False) -> None:
    """Open the access rules in your editor, and replace them when it closes."""
    current = run(lambda api: api.rules.load())
    _replace(current, _parsed(_edited(_text(current))), yes=yes)


@access.command()
def check(
    person: Annotated[str, typer.Argument(help="A username.")],
    resource: Annotated[str, typer.Argument(help="The URL of a resource.")],
) -> None:
    """Show which scopes a person may have at a resource, and by which rules."""
    from shared.uris import resource_key

    try:
        resource_key(resource)
    except ValueError as error:
        raise CommandError(f"{resource}: {error}") from error
    held = run(lambda api: api.control.held_by_username(person, resource))
    if held is None:
        raise CommandError(f"there is no user of that name: {person}")
    scopes = " ".join(sorted(held.scopes)) if held.anything else "nothing"
    output.print(f"{person} may hold {scopes} at {resource}", markup=False)
    for rule in held.rules:
        output.print(f"  {rule}", markup=False)


def run(call: Callable[[AccessComponents], Awaitable[T]]) -> T:
    """Call the components on the local store."""

    async def work() -> T:
        async with _components() as api:
            return await call(api)

    try:
        return asyncio.run(work())
    except ValueError as error:
        raise CommandError(str(error)) from error


@asynccontextmanager
async def _components() -> AsyncIterator[AccessComponents]:
    from auth_service.access.components import AccessComponents

    async with open_store_and_clock() as (store, clock):
        yield AccessComponents.of_store(store, clock, default_rules())


def default_rules() -> Access | None:
    """Return the rules that follow from the settings while none are stored; None for no restriction."""
    from auth_service.protocol.access import DEMO_USERNAME, default_access

    demo = os.environ.get("DOORWARD_DEMO_USER", "").lower() in ("true", "1", "yes", "on")
    return default_access(os.environ.get("DOORWARD_ACCESS"), demo_user=DEMO_USERNAME if demo else None)


def _content(file: Path) -> bytes:
    from auth_service.protocol.access_document import MAX_BYTES

    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
            content = source.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise CommandError(f"{file} is larger than {MAX_BYTES} bytes")
    return content


def _edited(text: str) -> bytes:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "access.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            status = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
        except (OSError, ValueError) as error:
            raise CommandError(f"the editor {editor} cannot be started: {error}") from error
        if status:
            raise CommandError(f"the editor ended with status {status}; nothing was changed")
        return _content(file)


def _parsed(content: bytes) -> Access:
    from auth_service.protocol.access_document import InvalidAccessError, parse_access
    from shared.plain_yaml import PlainYamlError, read_values

    try:
        return parse_access(read_values(content))
    except PlainYamlError as error:
        raise CommandError(f"{error}; nothing was changed") from error
    except InvalidAccessError as error:
        raise CommandError(f"{'; '.join(error.problems)}; nothing was changed") from error


def _replace(current: CurrentAccess, changed: Access, *, yes: bool) -> None:
    from auth_service.access.rules import AccessChangedError, CurrentAccess

    before, after = _text(current), _text(CurrentAccess(changed))
    if before == after and current.version:
        output.print("This is what the rules say already; nothing was changed", markup=False)
        return
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), "now", "then", lineterm=""):
        output.print(line, markup=False)
    confirm("Replace the access rules?", yes=yes)
    record_command()
    try:
        run(lambda api: api.rules.save(changed, current.version, declared=current.declared))
    except AccessChangedError:
        raise CommandError("somebody else has changed the rules meanwhile; nothing was changed") from None
    output.print("Replaced the access rules", markup=False)


def _text(current: CurrentAccess) -> str:
    from auth_service.protocol.access_document import access_document
    from shared.plain_yaml import write_values

    return "" if current.access is None else write_values(access_document(current.access))
