"""``doorward backup``, ``doorward restore`` and ``doorward move``: the store as a whole.

Exit status: 0 if all was done; 1 if the backup cannot be used, because the key is wrong or the file damaged;
2 for wrong input, a store that does not respond or is not empty, and a file that cannot be written.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from shared.cli.backup_keys import (
    IdentityFile,
    PassphraseFile,
    Recipients,
    RecipientsFile,
    identities_of,
    recipients_of,
)
from shared.cli.console import CommandError, NegativeResultError, errors, output
from shared.cli.operations import recorded_in
from shared.cli.store import REVOCATION_LOG, clock_of, open_local_store, open_named_store, open_target_store
from shared.version import VERSION

if TYPE_CHECKING:
    from auth_service.backup.backup_file import Progress
    from auth_service.backup.restoration import Restoration
    from auth_service.crypto.encryption_keys import Identity, Recipient
    from shared.storage.entries import Entry
    from shared.storage.interface import Store
    from shared.storage.revocation_log import RevocationLog

Replace = Annotated[
    bool, typer.Option("--replace", help="Delete everything that the target store has, first.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, and write nothing.")]
REPORTED_EVERY = 100_000
WITHOUT_LOG = (
    f"{REVOCATION_LOG} is not set, so what was revoked since the backup is unknown: its tokens and sessions"
    " are valid again"
)
NOT_RECORDED = (
    "Passwords, second factors, groups and access rules are as in the backup: repeat what was changed since"
)


def backup(
    file: Annotated[Path, typer.Argument(help="The new file.")],
    *,
    recipient: Recipients = None,
    recipients_file: RecipientsFile = None,
) -> None:
    """Write everything in the store to an encrypted file. The service may be running."""
    if file.exists():
        raise CommandError(f"{file} exists already")
    recipients = recipients_of(recipient, recipients_file)
    with _new_file(file) as opened:
        written = asyncio.run(_back_up(opened, recipients))
    _print(f"Wrote {_count(written)} to {file}")


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    *,
    identity: IdentityFile = None,
    passphrase_file: PassphraseFile = None,
    replace: Replace = False,
    dry_run: DryRun = False,
) -> None:
    """Write a backup into the store that DOORWARD_STORE names, without what was revoked since it was made.

    The authorization server must not be running. An interrupted restore can be repeated.
    """
    from auth_service.backup.backup_file import UnsupportedBackupError
    from auth_service.crypto.encrypted_file import DamagedFileError, WrongKeyError

    _check_readable(file)
    identities = identities_of(identity, passphrase_file)
    try:
        done = asyncio.run(_restore(file, identities, replace=replace, dry_run=dry_run))
    except (DamagedFileError, UnsupportedBackupError, WrongKeyError) as error:
        raise NegativeResultError(f"{file} cannot be restored: {error}") from error
    verb = "Would restore" if dry_run else "Restored"
    _print(f"{verb} {_count(done.written)}{_left_out(done.left_out.documents)}")
    errors.print(NOT_RECORDED, markup=False)


def move(
    source: Annotated[str, typer.Argument(metavar="FROM", help="URL of a store, or env:NAME.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="URL of a store, or env:NAME.")],
    *,
    replace: Replace = False,
    dry_run: DryRun = False,
) -> None:
    """Copy everything from one store to another, with the remaining lifetimes.

    The authorization server must not be running: what it writes meanwhile may be missing in the new store.
    """
    if source == target:
        raise CommandError("FROM and TO are the same store")
    done = asyncio.run(_move(source, target, replace=replace, dry_run=dry_run))
    verb = "Would copy" if dry_run else "Copied"
    _print(f"{verb} {_count(done.written)}")


async def _back_up(file: BinaryIO, recipients: Sequence[Recipient]) -> Progress:
    from auth_service.backup.backup_file import About, Progress, backup_lines
    from auth_service.backup.restoration import is_incomplete
    from auth_service.crypto.encrypted_file import encrypted_to

    progress = Progress()
    async with open_local_store() as store:
        if await is_incomplete(store):
            raise CommandError("the store is incomplete: a restore into it was interrupted; repeat it")
        await _record_reading(store, "the backup", recipients=[str(recipient) for recipient in recipients])
        about = About(int((await clock_of(store))()), VERSION)
        async with encrypted_to(file, recipients) as write:
            with _reporting("Read") as report:
                async for lines in backup_lines(about, store.entries().read(), progress):
                    await write(lines)
                    report(progress)
    return progress


async def _restore(
    file: Path, identities: Sequence[Identity], *, replace: bool, dry_run: bool
) -> Restoration:
    from auth_service.backup.restoration import complete, prepare_target, write_entries

    async with open_target_store() as store:
        await _check_target(store, replace=replace)
        revoked = await _revoked(store.revocation_log)
        # First to the end without writing: a damaged file must not leave a damaged store.
        now = (await clock_of(store))()
        checked = _restoration(revoked, now)
        with _content(file, identities) as entries, _reporting("Checked") as report:
            for entry in entries:
                checked.wanted([entry])
                report(checked.written)
        if dry_run:
            return checked
        done = _restoration(revoked, now)
        await prepare_target(store, replace=replace)
        with _content(file, identities) as entries, _reporting("Restored") as report:
            await write_entries(store, entries, done, report)
        await _record_writing(store, done, "DOORWARD_STORE", replaced=replace)
        await complete(store)
        return done


async def _move(source: str, target: str, *, replace: bool, dry_run: bool) -> Restoration:
    from auth_service.backup.restoration import complete, copy_entries, is_incomplete, prepare_target

    async with open_named_store(source, "FROM") as old:
        # The lifetimes that are left are counted by the clock that they were written by.
        done = _restoration(set(), (await clock_of(old))())
        if await is_incomplete(old):
            raise CommandError("FROM: the store is incomplete: a restore into it was interrupted")
        async with open_named_store(target, "TO", new=True) as new:
            await _check_target(new, replace=replace)
            with _reporting("Copied") as report:
                if dry_run:
                    async for batch in old.entries().read():
                        done.wanted(batch)
                        report(done.written)
                    return done
                await _record_reading(old, "the copy")
                await prepare_target(new, replace=replace)
                await copy_entries(new, old.entries().read(), done, report)
            await _record_writing(new, done, "TO", replaced=replace)
            await complete(new)
    return done


async def _record_reading(store: Store, what: str, **about: object) -> None:
    """Record that everything is read; a store that is full must still be backed up and moved."""
    from shared.storage import StoreUnavailableError

    try:
        await recorded_in(store, **about)
    except StoreUnavailableError as error:
        errors.print(f"The journal does not have {what}: {error}", style="yellow", markup=False)


async def _record_writing(store: Store, done: Restoration, name: str, **about: object) -> None:
    """Record that everything was written, before the store is whole: no service uses it until then."""
    from shared.storage import StoreUnavailableError

    try:
        await recorded_in(store, **about, documents=done.written.documents, left_out=done.left_out.documents)
    except StoreUnavailableError as error:
        raise CommandError(f"{name}: the store does not accept the event: {error}; repeat it") from error


@contextmanager
def _content(file: Path, identities: Sequence[Identity]) -> Iterator[Iterator[Entry]]:
    from auth_service.backup.backup_file import BackupContent
    from auth_service.crypto.encrypted_file import decrypted

    with file.open("rb") as opened, decrypted(opened, identities) as chunks:
        yield BackupContent(chunks).entries()


def _restoration(revoked: set[str], now: float) -> Restoration:
    from auth_service.backup.restoration import Restoration

    return Restoration(revoked, int(now * 1000))


async def _check_target(store: Store, *, replace: bool) -> None:
    from auth_service.backup.restoration import TargetNotEmptyError, check_target

    try:
        await check_target(store, replace=replace)
    except TargetNotEmptyError as error:
        raise CommandError("the target store is not empty; --replace deletes what it has first") from error


async def _revoked(log: RevocationLog | None) -> set[str]:
    from shared.storage import StoreUnavailableError

    if log is None:
        errors.print(WITHOUT_LOG, style="yellow", markup=False)
        return set()
    try:
        return await log.revoked()
    except StoreUnavailableError as error:
        raise CommandError(f"{REVOCATION_LOG}: {error}") from error


@contextmanager
def _new_file(file: Path) -> Iterator[BinaryIO]:
    """Open a file that only its owner can read. It gets its name once it is whole and on the disk."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        partial.rename(file)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CommandError(f"{file} cannot be written: {error.strerror}") from error
        raise


def _check_readable(file: Path) -> None:
    if not file.is_file():
        raise CommandError(f"there is no file {file}")
    if not os.access(file, os.R_OK):
        raise CommandError(f"{file} cannot be read")


@contextmanager
def _reporting(verb: str) -> Iterator[Callable[[Progress], None]]:
    """Show the progress on stderr: on a terminal in one line, else a line now and then."""
    reported = 0
    with errors.console.status(f"{verb} nothing yet") as status:

        def report(progress: Progress) -> None:
            nonlocal reported
            status.update(f"{verb} {_count(progress)}")
            total = progress.documents + progress.members + progress.log_entries
            if not errors.console.is_terminal and total >= reported + REPORTED_EVERY:
                reported = total
                errors.print(f"{verb} {_count(progress)}", markup=False)

        yield report


def _left_out(documents: int) -> str:
    """Return the end of the sentence about a restore."""
    if not documents:
        return ""
    return f"; left out {documents}, which {'was' if documents == 1 else 'were'} revoked since the backup"


def _count(progress: Progress) -> str:
    counts = f"{progress.documents:,} documents and {progress.members:,} index entries"
    return f"{counts} and {progress.log_entries:,} writes of the journal" if progress.log_entries else counts


def _print(text: str) -> None:
    output.print(text, markup=False)
