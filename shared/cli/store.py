"""Open the store for a command."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shared.cli.console import CommandError, errors
from shared.cli.installation import sqlite_url

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.storage.interface import Store
    from shared.storage.revocation_log import RevocationLog

REVOCATION_LOG = "DOORWARD_REVOCATION_LOG"
LOCAL_STORE = Path(".doorward") / "auth.sqlite3"


@asynccontextmanager
async def open_local_store() -> AsyncIterator[Store]:
    """Open the store that the environment names, else the one that `doorward up` created here.

    Raises:
        CommandError: the store does not exist or does not respond. A missing database is not created: only a
            service creates one, and a command would report an empty one as if no users existed.
    """
    from shared.storage import StoreUnavailableError

    url = _store_url()
    try:
        async with _opened(url) as store:
            yield store
    except StoreUnavailableError as error:
        raise CommandError(f"the store does not respond: {error}") from error


@asynccontextmanager
async def open_store_and_clock() -> AsyncIterator[tuple[Store, Clock]]:
    """Open the store as `open_local_store` does; with it the store's clock, which the services follow, too.

    Raises:
        CommandError: the store does not exist, or does not respond when it is used.
    """
    async with open_local_store() as store:
        yield store, await clock_of(store)


async def clock_of(store: Store) -> Clock:
    """Return the clock of an open store, measured once; a command does not run for long."""
    from shared.storage import StoreUnavailableError
    from shared.storage.store_clock import StoreClock

    clock = StoreClock(store)
    with suppress(StoreUnavailableError):  # bad input is reported first, and the outage with the first use
        await clock.measure()
    return clock


@asynccontextmanager
async def open_target_store() -> AsyncIterator[Store]:
    """Open the store that the environment names, else that of `doorward up`; creates a missing database.

    Raises:
        CommandError: no store is named, or it does not respond.
    """
    url = os.environ.get("DOORWARD_STORE") or (sqlite_url(LOCAL_STORE) if LOCAL_STORE.exists() else "")
    if not url:
        raise CommandError("DOORWARD_STORE is not set: it names the store to write to")
    async with open_named_store(url, "DOORWARD_STORE", new=True) as store:
        yield store


@asynccontextmanager
async def open_named_store(url: str, name: str, *, new: bool = False) -> AsyncIterator[Store]:
    """Open the store at `url`, or at the URL in the environment variable NAME of ``env:NAME``.

    Args:
        name: of the argument, for messages.
        new: whether a missing database is created.

    Raises:
        CommandError: `url` is not a valid store URL, or the store does not respond.
    """
    from shared.storage import StoreUnavailableError

    if url.startswith("env:"):
        url = os.environ.get(url.removeprefix("env:"), "")
    _check_form(url, name)
    if not new:
        _check_existence(url, name)
    try:
        async with _opened(url, service=False) as store:
            yield store
    except StoreUnavailableError as error:
        raise CommandError(f"{name}: the store does not respond: {error}") from error


async def check_store(url: str, option: str) -> None:
    """Check that a store responds at `url`.

    Args:
        option: the command-line option for the store, for the message.

    Raises:
        CommandError: the store does not respond, or `url` is not a valid store URL.
    """
    from shared.storage import StoreUnavailableError

    try:
        async with _opened(url) as store:
            await store.ping()
    except StoreUnavailableError as error:
        raise CommandError(f"{option}: the store does not respond: {error}{_advice(str(error))}") from error
    except CommandError as error:
        raise CommandError(f"{option}: {error}") from error


def _advice(failure: str) -> str:
    if "NOAUTH" in failure:
        return "; the URL needs a password: redis://:PASSWORD@HOST"
    return "; check the password in the URL" if "WRONGPASS" in failure else ""


def check_store_url(url: str, name: str = "DOORWARD_STORE") -> None:
    """Check the form of the URL of the store that the setting `name` names.

    Raises:
        CommandError: `url` is not a valid store URL.
    """
    _check_form(url, name)


def _check_form(url: str, name: str) -> None:
    from shared.storage.redis_address import parse_address
    from shared.storage.sqlite_file import database_path

    try:
        database_path(url) if url.startswith("sqlite:") else parse_address(url)
    except ValueError as error:
        raise CommandError(f"{name}: {error}") from error


@asynccontextmanager
async def _opened(url: str, *, service: bool = True) -> AsyncIterator[Store]:
    """Open a store.

    Args:
        service: whether it is the store of the service, which the durability in the environment is meant for.
            Of other stores, those without replicas do without.
    """
    from shared.logs import configure_command_logs
    from shared.storage import Durability, open_store
    from shared.storage.durability import durability_from_environment

    try:
        configure_command_logs()
        durability = durability_from_environment()
        if not service and url.startswith("sqlite:"):
            durability = Durability()
        store = open_store(url, durability)
    except ValueError as error:
        raise CommandError(str(error)) from error
    try:
        store.revocation_log = _revocation_log()
        yield store
    finally:
        await store.aclose()


def _revocation_log() -> RevocationLog | None:
    from shared.storage import StoreUnavailableError, open_revocation_log

    url = os.environ.get(REVOCATION_LOG)
    try:
        return open_revocation_log(url) if url else None
    except (ValueError, StoreUnavailableError) as error:
        raise CommandError(f"{REVOCATION_LOG}: {error}") from error


def _store_url() -> str:
    if url := os.environ.get("DOORWARD_STORE"):
        check_store_url(url)
        _check_existence(url, "DOORWARD_STORE")
        return url
    if LOCAL_STORE.exists():
        errors.print(f"Using {LOCAL_STORE}", style="dim")
        return sqlite_url(LOCAL_STORE)
    raise CommandError(
        f"DOORWARD_STORE is not set, and there is no {LOCAL_STORE}. "
        "With docker compose: docker compose exec auth doorward users"
    )


def _check_existence(url: str, name: str) -> None:
    from shared.storage.sqlite_file import database_path

    if not url.startswith("sqlite:"):
        return
    path = database_path(url)
    if not path.is_file():
        raise CommandError(
            f"{name}: the database {path} does not exist; the authorization server creates it when it starts"
        )
