"""`doorward why --journal`: what the journal says about a request, a grant or a client (JR-5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.journal.keys import signing_key
from auth_service.journal.writer import JournalWriter
from auth_service.settings import KeySettings
from shared.cli.why.journal import entry_of
from shared.cli.why.remedies import remedy
from shared.clock import system_clock
from shared.journal.event import EventKind
from shared.logs import current_request_id
from shared.storage import Store
from tests.auth_service.service import MASTER_KEY
from tests.cli.command import doorward

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-5", "RS-11")]

KEYS = f"1:{MASTER_KEY}"
REQUEST = "0123456789abcdef"


async def test_the_events_of_a_request_a_grant_and_a_client_are_told_with_the_remedy(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    key_ring = KeyRing(KeySettings(master_keys=KEYS).master_keys)  # type: ignore[arg-type]
    journal = JournalWriter(store, signing_key(key_ring), system_clock)
    await journal.record(EventKind.GRANT_OPENED, client="C-1", grant="G-1", scopes=["a"])
    outside = current_request_id.set(REQUEST)
    await journal.record(EventKind.TOKENS_REFUSED, client="C-1", reason_code="refresh_token_unknown")
    current_request_id.reset(outside)
    settings = {"DOORWARD_STORE": store_url, "DOORWARD_MASTER_KEYS": KEYS}

    def told(wanted: str) -> str:
        done = doorward("why", wanted, "--journal", cwd=tmp_path, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    of_request, of_grant, of_client = told(REQUEST.upper()), told("G-1"), told("C-1")
    assert "Tokens.refused" in of_request
    assert "refresh_token_unknown" in of_request
    assert "Grant.opened" not in of_request
    assert "Grant.opened" in of_grant
    assert "Tokens.refused" not in of_grant
    assert of_client.index("Grant.opened") < of_client.index("Tokens.refused")
    nothing = doorward("why", "another", "--journal", cwd=tmp_path, **settings)
    assert nothing.returncode == 1
    assert "was not found in the journal" in nothing.stderr


def test_an_event_has_the_remedy_of_the_service_that_recorded_it() -> None:
    refused = {"chain": "c", "sequence": 1, "time_ms": 0, "reason_code": "token_inactive"}
    entry = entry_of({**refused, "kind": "call.refused"})
    assert (entry.text("logger"), entry.text("timestamp")) == (
        "resource_service.journal",
        "1970-01-01T00:00:00.000Z",
    )
    assert remedy([entry])
    assert entry_of({**refused, "kind": "login", "time_ms": 2**70}).text("timestamp") == "-"
