"""The records of the authorization server, read directly from its store."""

from __future__ import annotations

import anyio

from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant
from shared.cli.installation import sqlite_url
from shared.clock import system_clock
from shared.storage import open_store
from tests.cli.command import Up
from tests.flow import Person, forms_of


def grant_of(running: Up, subject: str, client_id: str) -> Grant:
    """The active grants of the user to the client."""

    async def read() -> list[Grant]:
        store = open_store(sqlite_url(running.directory / ".doorward" / "auth.sqlite3"))
        try:
            return await GrantRepository(store, system_clock).of_subject(subject)
        finally:
            await store.aclose()

    (only_grant,) = [grant for grant in anyio.run(read) if grant.client_id == client_id]
    return only_grant


def disconnect(running: Up, person: Person, grant: Grant) -> None:
    """End a grant as its user does, on the account page."""
    page = person.open_disconnect(running.issuer, grant.grant_id)
    form = forms_of(page.text)[0]
    assert form.fields["grant_id"] == grant.grant_id
    answer = person.browser.post(f"{running.issuer}/account", data=form.fields)
    assert answer.status_code == 303
