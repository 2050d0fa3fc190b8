"""The store that a command works on."""

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
    """The store that the environment names, else the one that `doorward up` made here.

    Raises:
        CommandError: there is neither, or it does not answer.
    """
    from auth_service.storage import StoreUnavailableError, open_store

    store = open_store(_store_url())
    try:
        yield store
    except StoreUnavailableError as error:
        raise CommandError(f"the store does not answer: {error}") from error
    finally:
        await store.aclose()


def _store_url() -> str:
    if url := os.environ.get("DOORWARD_STORE"):
        return url
    if LOCAL_STORE.exists():
        errors.print(f"Using {LOCAL_STORE}", style="dim")
        return sqlite_url(LOCAL_STORE)
    raise CommandError(
        f"DOORWARD_STORE is not set, and there is no {LOCAL_STORE}. "
        "With docker compose: docker compose exec auth doorward users"
    )
