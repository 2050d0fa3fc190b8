"""The master keys, for commands that encrypt what they store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shared.cli.installation import Secrets
from shared.cli.store import LOCAL_STORE

if TYPE_CHECKING:
    from auth_service.crypto.keyring import KeyRing


def available_key_ring() -> KeyRing | None:
    """Return the keys of the environment, else those of `doorward up` for its store; None without either.

    Raises:
        CommandError: the master keys of the environment are not valid.
    """
    from auth_service.crypto.keyring import KeyRing
    from auth_service.settings import KeySettings

    local = LOCAL_STORE.with_name("secrets.json")
    if "DOORWARD_MASTER_KEYS" in os.environ:
        from shared.cli.settings import check_settings

        check_settings(KeySettings)
        return KeyRing(KeySettings().master_keys)  # type: ignore[call-arg]  # read from the environment
    if "DOORWARD_STORE" in os.environ or not local.exists():
        return None
    return KeyRing(KeySettings(master_keys=Secrets.kept_in(local).master_keys).master_keys)  # type: ignore[arg-type]
