"""``doorward export`` and ``doorward apply``: the configuration as a file."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.cli.access import default_rules
from shared.cli.console import CommandError, Yes, confirm, output
from shared.cli.master_keys import available_key_ring
from shared.cli.operations import record_command
from shared.cli.store import open_store_and_clock
from shared.logs import configure_logs

if TYPE_CHECKING:
    from auth_service.declarative.applied import DeclarativeConfiguration
    from auth_service.declarative.model import AnyChange, Document

T = TypeVar("T")
MARKS = {"add": "+", "change": "~", "remove": "-"}
MAX_SECRET_BYTES = 4_096


def export(
    *,
    with_credentials: Annotated[
        bool,
        typer.Option(
            "--with-credentials",
            "--with-password-hashes",
            help="Include hashes of passwords and client secrets, second factors and identities. Keep the"
            " file secret.",
        ),
    ] = False,
) -> None:
    """Print people, groups, access rules, clients and declared settings as a file for `doorward apply`."""
    from auth_service.declarative.exported import exported

    state = _run(lambda configuration: configuration.state())
    typer.echo(exported(state, with_credentials=with_credentials), nl=False)


def apply(
    file: Annotated[Path | None, typer.Argument(help="The configuration, as YAML.")] = None,
    *,
    yes: Yes = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only show the changes; exit with 1 if there are any.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the file, for editors.")
    ] = False,
) -> None:
    """Change people, groups, access rules, clients and settings to match a file; shows the changes first."""
    if schema:
        _print_schema()
        return
    if file is None:
        raise CommandError("the file is missing: doorward apply FILE")
    document = _parsed(file)
    changes = _planned(document)
    _show(changes)
    if not changes:
        return
    if check:
        raise typer.Exit(1)
    confirm(f"Apply these {len(changes)} changes?", yes=yes)
    _apply(document, changes)


def read_secret(reference: str) -> str:
    """Return the secret at `env:NAME` or `file:PATH`, without a newline at its end.

    Raises:
        ValueError: there is none.
    """
    kind, _, place = reference.partition(":")
    if kind == "env":
        secret = os.environ.get(place)
        if secret is None:
            raise ValueError(f"the environment variable {place} is not set")
        return secret
    content = _content(Path(place), MAX_SECRET_BYTES)
    return content.decode("utf-8").rstrip("\r\n")


def _content(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as source:
            content = source.read(most + 1)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise ValueError(f"{file} is larger than {most} bytes")
    return content


def _parsed(file: Path) -> Document:
    from auth_service.declarative.document import MAX_BYTES, parse_document

    try:
        content = _content(file, MAX_BYTES)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return _refused(lambda: parse_document(content, read_secret))


def _planned(document: Document) -> list[AnyChange]:
    from auth_service.declarative.plan import plan

    state = _run(lambda configuration: configuration.state())
    return _refused(lambda: plan(document, state))


def _refused(call: Callable[[], T]) -> T:
    from auth_service.declarative.model import InvalidDocumentError

    try:
        return call()
    except InvalidDocumentError as error:
        raise CommandError(f"{'; '.join(error.problems)}; nothing was changed") from error


def _show(changes: list[AnyChange]) -> None:
    for change in changes:
        _print_line(f"{MARKS[change.action]} {change.section} {change.name}")
        for detail in change.details:
            _print_line(f"    {detail}")
    if not changes:
        output.print("Nothing to do")


def _print_line(line: str) -> None:
    # Names may hold what a terminal would act upon.
    output.print("".join(c if c.isprintable() else "?" for c in line), markup=False)


def _apply(document: Document, expected: list[AnyChange]) -> None:
    """Apply what was shown, unless something else would have to be done by now."""
    if _planned(document) != expected:
        raise CommandError("somebody else has made changes meanwhile; nothing was changed")
    configure_logs()
    record_command(count=len(expected))
    done = _run(lambda configuration: _all(configuration, expected))
    output.print(f"Applied {done} changes", markup=False)


async def _all(configuration: DeclarativeConfiguration, changes: list[AnyChange]) -> int:
    from auth_service.access.rules import AccessChangedError
    from auth_service.declarative.applied import StateChangedError
    from auth_service.users.repository import NoSuchUserError, UserExistsError

    for count, change in enumerate(changes):
        try:
            await configuration.apply(change)
        except (
            AccessChangedError,
            NoSuchUserError,
            StateChangedError,
            UserExistsError,
            ValueError,
        ) as error:
            raise CommandError(
                f"{change.section} {change.name}: somebody else has changed it meanwhile"
                f" ({error or type(error).__name__}); {count} of {len(changes)} changes were applied,"
                " apply the file again"
            ) from error
    return len(changes)


def _print_schema() -> None:
    from auth_service.declarative.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def _run(call: Callable[[DeclarativeConfiguration], Awaitable[T]]) -> T:
    from auth_service.declarative.applied import DeclarativeConfiguration

    async def run() -> T:
        async with open_store_and_clock() as (store, clock):
            configuration = DeclarativeConfiguration.of_store(
                store, clock, default_rules(), available_key_ring()
            )
            return await call(configuration)

    return asyncio.run(run())
