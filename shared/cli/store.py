"""Open the store for a command."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.cli.console import CommandError, errors
from shared.cli.installation import sqlite_url

if TYPE_CHECKING:
    from auth_service.storage.interface import Store

LOCAL_STORE = Path(".doorward") / "auth.sqlite3"


@asynccontextmanager
async def open_local_store() -> AsyncIterator[Store]:
    """Open the store that the environment names, else the one that `doorward up` created here.

    Raises:
        CommandError: the store does not exist or does not respond. A missing database is not created: only a
            service creates one, and a command would report an empty one as if no users existed.
    """
    from auth_service.storage import StoreUnavailableError

    url = _store_url()
    try:
        async with _opened(url) as store:
            yield store
    except StoreUnavailableError as error:
        raise CommandError(f"the store does not respond: {error}") from error


async def check_store(url: str, option: str) -> None:
    """Check that a store responds at `url`.

    Args:
        option: the command-line option for the store, for the message.

    Raises:
        CommandError: the store does not respond, or `url` is not a valid store URL.
    """
    from auth_service.storage import StoreUnavailableError

    try:
        async with _opened(url) as store:
            await store.ping()
    except StoreUnavailableError as error:
        raise CommandError(f"{option}: the store does not respond: {error}") from error
    except CommandError as error:
        raise CommandError(f"{option}: {error}") from error


def check_store_url(url: str) -> None:
    """Check the form of the store's URL.

    Raises:
        CommandError: `url` is not a valid store URL.
    """
    from auth_service.storage.redis_address import parse_address
    from auth_service.storage.sqlite_file import database_path

    try:
        database_path(url) if url.startswith("sqlite:") else parse_address(url)
    except ValueError as error:
        raise CommandError(f"DOORWARD_STORE: {error}") from error


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Store]:
    from auth_service.storage import open_store
    from auth_service.storage.durability import durability_from_environment

    try:
        store = open_store(url, durability_from_environment())
    except ValueError as error:
        raise CommandError(str(error)) from error
    try:
        yield store
    finally:
        await store.aclose()


def _store_url() -> str:
    if url := os.environ.get("DOORWARD_STORE"):
        _check_existence(url)
        return url
    if LOCAL_STORE.exists():
        errors.print(f"Using {LOCAL_STORE}", style="dim")
        return sqlite_url(LOCAL_STORE)
    raise CommandError(
        f"DOORWARD_STORE is not set, and there is no {LOCAL_STORE}. "
        "With docker compose: docker compose exec auth doorward users"
    )


def _check_existence(url: str) -> None:
    from auth_service.storage.sqlite_file import database_path

    check_store_url(url)
    if not url.startswith("sqlite:"):
        return
    path = database_path(url)
    if not path.is_file():
        raise CommandError(
            f"DOORWARD_STORE: the database {path} does not exist; "
            "the authorization server creates it when it starts"
        )
