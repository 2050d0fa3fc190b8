"""``doorward users import``: accounts from a CSV file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.cli.console import CommandError, Yes, confirm, errors, output
from shared.cli.operations import record_commands
from shared.cli.store import open_store_and_clock

if TYPE_CHECKING:
    from auth_service.accounts.importing import AccountImport, AccountImportChange

T = TypeVar("T")
MARKS = {"add": "+", "change": "~"}
MAX_SHOWN = 100
"""The maximum number of problems that are printed."""


def import_accounts(
    file: Annotated[Path, typer.Argument(help="A CSV file; its first line names the columns.")],
    *,
    update: Annotated[bool, typer.Option("--update", help="Also change accounts that exist.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the file and show the changes.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Import accounts from a CSV file: it is checked as a whole, and the changes are shown first."""
    content = _content(file)
    changes = _planned(content, update)
    for change in changes:
        _print_line(f"{MARKS[change.action]} {change.line.username}")
        for detail in change.details:
            _print_line(f"    {detail}")
    if not changes:
        output.print("Nothing to do")
        return
    if dry_run:
        output.print(f"{len(changes)} accounts would be imported; nothing was changed", markup=False)
        return
    confirm(f"Import these {len(changes)} accounts?", yes=yes)
    if _planned(content, update) != changes:
        raise CommandError("somebody else has made changes meanwhile; nothing was changed")
    record_commands(_about(changes))
    _run(lambda importing: _all(importing, changes))
    output.print(f"Imported {len(changes)} accounts", markup=False)


def _about(changes: list[AccountImportChange]) -> list[dict[str, object]]:
    """Return the events: one for the whole file, and one for each account that exists already."""
    subjects = [change.account.subject for change in changes if change.account]
    about: list[dict[str, object]] = [{"created": len(changes) - len(subjects), "changed": len(subjects)}]
    return about + [{"user_subject": subject} for subject in subjects]


def _content(file: Path) -> bytes:
    from auth_service.protocol.account_file import MAX_BYTES

    try:
        with file.open("rb") as source:
            return source.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from error


def _planned(content: bytes, update: bool) -> list[AccountImportChange]:
    from auth_service.protocol.account_file import InvalidAccountFileError

    try:
        return _run(lambda importing: importing.plan(content, update=update))
    except InvalidAccountFileError as error:
        *others, last = error.problems[:MAX_SHOWN]
        for problem in others:
            _print_error(problem)
        more = len(error.problems) - MAX_SHOWN
        rest = f" (and {more} more problems)" if more > 0 else ""
        hint = "; see --update" if not update and "exists already" in last else ""
        raise CommandError(f"{_printable(last)}{rest}{hint}; nothing was changed") from error


async def _all(importing: AccountImport, changes: list[AccountImportChange]) -> None:
    from auth_service.users.repository import NoSuchUserError, UserExistsError

    for count, change in enumerate(changes):
        try:
            await importing.apply_one(change)
        except (NoSuchUserError, UserExistsError, ValueError) as error:
            raise CommandError(
                f"{change.line.username}: somebody else has made changes meanwhile"
                f" ({error or type(error).__name__}); {count} of {len(changes)} accounts were imported,"
                " import the file with --update"
            ) from error


def _printable(text: str) -> str:
    # Names may hold what a terminal would act upon.
    return "".join(c if c.isprintable() else "?" for c in text)


def _print_line(line: str) -> None:
    output.print(_printable(line), markup=False)


def _print_error(line: str) -> None:
    errors.print(_printable(line), markup=False)


def _run(call: Callable[[AccountImport], Awaitable[T]]) -> T:
    from auth_service.accounts.importing import AccountImport

    async def run() -> T:
        async with open_store_and_clock() as (store, clock):
            return await call(AccountImport.of_store(store, clock))

    return asyncio.run(run())
