"""Pages on which people connect accounts at providers, reached by requests."""

from __future__ import annotations

import httpx2

from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import TICKETS
from tests.browser.visits import StateTable, Visit

STATES = StateTable()


def _connecting(visit: Visit) -> Connecting:
    return Connecting(visit.server, visit.upstream, visit.person())


@STATES.add
def connecting_an_account(visit: Visit) -> httpx2.Response:
    connecting = _connecting(visit)
    return connecting.person.open(connecting.ask()["connect_url"])


@STATES.add
def link_of_another_person(visit: Visit) -> httpx2.Response:
    return visit.person().open(_connecting(visit).ask()["connect_url"])


@STATES.add
def account_connected(visit: Visit) -> httpx2.Response:
    return _connecting(visit).connect()


@STATES.add
def account_not_connected(visit: Visit) -> httpx2.Response:
    connecting = _connecting(visit)
    return connecting.person.open(visit.upstream.deny(connecting.leave()))


@STATES.add
def account_with_a_connected_account(visit: Visit) -> httpx2.Response:
    connecting = _connecting(visit)
    connecting.connect()
    return visit.open(connecting.person, "account")


@STATES.add
def entering_an_api_key(visit: Visit) -> httpx2.Response:
    connecting = Connecting(visit.server, visit.upstream, visit.person(), TICKETS)
    return connecting.enter("two words")


@STATES.add
def console_person_with_a_connected_account(visit: Visit) -> httpx2.Response:
    connecting = _connecting(visit)
    connecting.connect()
    return visit.console.open(f"person?name={connecting.person.username}")
