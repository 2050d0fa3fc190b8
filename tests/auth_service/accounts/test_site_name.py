"""The name of the site is guessable as a password (ID-6)."""

from __future__ import annotations

import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.protocol.password_rules import WeakPasswordError
from shared.clock import system_clock
from shared.storage import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-6")]

NAME = "Qvixborgh Lumtraq"
PASSWORD = "qvixborgh lumtraq"


async def test_the_configured_name_of_the_site_is_refused_as_a_password(store: Store) -> None:
    accounts = AccountLifecycle.of_store(store, system_clock, site_name=NAME)
    with pytest.raises(WeakPasswordError):
        await accounts.create("ada", PASSWORD)
    user = await AccountLifecycle.of_store(store, system_clock).create("ada", PASSWORD)
    with pytest.raises(WeakPasswordError):
        await accounts.set_password(user, PASSWORD + "1")
