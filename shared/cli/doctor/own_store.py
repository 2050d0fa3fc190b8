"""Examine the store of the authorization server itself, for an operator who may open it."""

from __future__ import annotations

from shared.cli.console import CommandError
from shared.cli.doctor.evidence import Evidence
from shared.cli.store import open_named_store


async def examine_store(url: str, evidence: Evidence) -> None:
    """Collect the complaints about the store at `url`, with the addresses of its servers.

    Args:
        url: of the store, or ``env:NAME`` for the one in an environment variable.
    """
    from shared.storage import StoreUnavailableError

    try:
        async with open_named_store(url, "--store") as store:
            await store.ping()
            evidence.store_complaints = await store.misconfigurations()
    except (CommandError, StoreUnavailableError) as error:
        evidence.store_failure = str(error)
