"""``doorward keys``: the signing keys of ID tokens and JWT access tokens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import typer

from shared.cli.backup_keys import backup_key
from shared.cli.console import AsJson, errors, output, print_json, print_table
from shared.cli.installation import Secrets
from shared.cli.operations import command_recorded
from shared.cli.store import LOCAL_STORE, open_local_store, open_store_and_clock

if TYPE_CHECKING:
    from auth_service.crypto.signing_keys import SigningKeys
    from auth_service.settings import KeySettings

keys = typer.Typer(help="List and rotate the signing keys.", no_args_is_help=True)
keys.command("backup")(backup_key)


@keys.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the published keys, and the master key that encrypts the stored data."""
    published = asyncio.run(_published())
    if as_json:
        print_json({"kid": kid, "alg": alg} for kid, alg in published)
        return
    print_table(("KEY", "ALGORITHM"), published)
    _say_seals()


@keys.command()
def rotate() -> None:
    """Create new signing keys. They are published at once, and sign when every cache has them."""
    wait_s = asyncio.run(_rotate())
    output.print(f"The new keys are published; they will sign in {wait_s} seconds", markup=False)


def _say_seals() -> None:
    """Print on stderr which master key seals the stored data, and so whether an older one can be removed."""
    seals, newest = asyncio.run(_seals())
    older = {name: key_id for name, key_id in seals.items() if key_id != newest}
    for name, key_id in older.items():
        errors.print(
            f"The {name} are encrypted under master key {key_id}, not the newest, {newest}: restart the"
            " authorization server to encrypt them again",
            markup=False,
        )
    if not older:
        errors.print(f"Everything is encrypted under the newest master key, {newest}", markup=False)


async def _seals() -> tuple[dict[str, int], int]:
    """Return the id of the master key of each sealed document, and the id of the newest master key."""
    from auth_service.crypto.keyring import KeyRing, sealed_by
    from auth_service.storage import keys as store_keys

    named = {
        "signing keys": store_keys.signing_keys(),
        "keys of pairwise subjects": store_keys.pseudonym_key(),
    }
    newest = KeyRing(_settings().master_keys).current_id
    async with open_local_store() as store:
        kept = {name: await store.get(key) for name, key in named.items()}
    return {name: sealed_by(sealed) for name, sealed in kept.items() if sealed}, newest


async def _published() -> list[tuple[str, str]]:
    async with _signing_keys(_settings()) as signing_keys:
        jwks = await signing_keys.jwks()
    return [(key["kid"], key["alg"]) for key in jwks["keys"]]


async def _rotate() -> int:
    settings = _settings()
    await command_recorded()
    async with _signing_keys(settings) as signing_keys:
        await signing_keys.rotate()
    return settings.key_ahead_s


@asynccontextmanager
async def _signing_keys(settings: KeySettings) -> AsyncIterator[SigningKeys]:
    from auth_service.crypto.keyring import KeyRing
    from auth_service.crypto.signing_keys import SigningKeys
    from auth_service.protocol.key_rotation import Schedule

    # Only the service removes retired keys: it alone knows the lifetime of the tokens signed with them.
    schedule = Schedule(settings.key_period_s, settings.key_ahead_s, lasting_s=settings.key_period_s)
    async with open_store_and_clock() as (store, clock):
        yield SigningKeys(store, KeyRing(settings.master_keys), schedule, clock)


def _settings() -> KeySettings:
    """Read the settings from the environment; for the store of `doorward up`, use its secrets."""
    from auth_service.settings import KeySettings
    from shared.cli.settings import check_settings

    local = LOCAL_STORE.with_name("secrets.json")
    if "DOORWARD_MASTER_KEYS" not in os.environ and local.exists():
        os.environ["DOORWARD_MASTER_KEYS"] = Secrets.kept_in(local).master_keys
    check_settings(KeySettings)
    return KeySettings()  # type: ignore[call-arg]
