"""Pages on which people approve calls, reached by requests."""

from __future__ import annotations

import httpx2

from tests.auth_service.call_approvals.asking import Asking
from tests.auth_service.service import RESOURCE
from tests.browser.visits import StateTable, Visit

STATES = StateTable()


def _asking(visit: Visit) -> Asking:
    person = visit.person()
    client = visit.server.register(client_name="An agent")
    return Asking(visit.server, person, str(client.connect(person, resource=RESOURCE)["access_token"]))


@STATES.add
def call_that_waits_for_approval(visit: Visit) -> httpx2.Response:
    asking = _asking(visit)
    return asking.person.open(asking.ask()["approve_url"])


@STATES.add
def call_of_another_approver(visit: Visit) -> httpx2.Response:
    return visit.person().open(_asking(visit).ask()["approve_url"])


@STATES.add
def call_approved(visit: Visit) -> httpx2.Response:
    asking = _asking(visit)
    return asking.decide(asking.ask()["approve_url"], "approve")


@STATES.add
def call_denied(visit: Visit) -> httpx2.Response:
    asking = _asking(visit)
    return asking.decide(asking.ask()["approve_url"], "deny")


@STATES.add
def account_with_a_call_that_waits(visit: Visit) -> httpx2.Response:
    asking = _asking(visit)
    asking.ask()
    return visit.open(asking.person, "account")
