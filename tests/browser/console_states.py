"""Every page and state of the console."""

from __future__ import annotations

import httpx2

from auth_service.access.components import AccessComponents
from shared.storage import Store
from tests.auth_service.caller import Caller
from tests.auth_service.definition_reports import Resource, held, report
from tests.auth_service.service import (
    RESOURCE,
)
from tests.browser.visits import State, StateTable, Visit, ruled

STATES = StateTable()


def _administered(path: str) -> State:
    return lambda visit: visit.console.open(path)


STATES |= {
    f"admin/{path}": _administered(path)
    for path in (
        "software",
        "people",
        "invitations",
        "groups",
        "access",
        "stops",
        "definitions",
        "new-client",
        "nothing",
    )
}


@STATES.add
def console_refused(visit: Visit) -> httpx2.Response:
    return visit.open(visit.person(), "admin/software")


@STATES.add
def console_definition(visit: Visit) -> httpx2.Response:
    Resource(visit.server).tell(report(held()))
    return visit.console.open(f"definitions?url={RESOURCE}")


@STATES.add
def console_invitation(visit: Visit) -> httpx2.Response:
    page = visit.console.open("invitations")
    return visit.console.press(page, "make")


@STATES.add
def console_clients(visit: Visit) -> httpx2.Response:
    visit.client()
    return visit.console.open(visit.found(visit.console.open("software"), r"clients\?"))


def _made(visit: Visit) -> httpx2.Response:
    form = visit.console.form(visit.console.open("new-client"), "create")
    fields = {"client_name": "Notizen", "redirect_uris": "https://client.example/cb", "password": "secret"}
    return visit.console.post("new-client", {**form.fields, **fields, "action": "create"})


@STATES.add
def console_client_created(visit: Visit) -> httpx2.Response:
    return _made(visit)


@STATES.add
def console_client(visit: Visit) -> httpx2.Response:
    return visit.console.open(visit.found(_made(visit), r"client\?"))


@STATES.add
def console_removing_a_client(visit: Visit) -> httpx2.Response:
    return visit.console.open(visit.found(_made(visit), r"client\?") + "&confirm=remove")


@STATES.add
def console_person(visit: Visit) -> httpx2.Response:
    person = visit.person()
    visit.client().connect(person, resource=RESOURCE)
    return visit.console.open(f"person?name={person.username}")


@STATES.add
def console_deleting_a_person(visit: Visit) -> httpx2.Response:
    return visit.console.open(f"person?name={visit.person().username}&confirm=delete")


@STATES.add
def console_not_done(visit: Visit) -> httpx2.Response:
    form = visit.console.form(visit.console.open("groups"), "add")
    group = {"group": "administrators", "member": "wesen", "action": "add"}
    return visit.console.post("groups", {**form.fields, **group})


@STATES.add
def console_group(visit: Visit) -> httpx2.Response:
    async def fill(store: Store) -> None:
        await AccessComponents.of_store(store, visit.server.clock, None).groups.add("ops", "wesen")

    visit.server.with_store(fill)
    return visit.console.open("group?name=ops")


OPS = {"groups": {"ops": {RESOURCE: "*"}}}


@STATES.add
def console_rules(visit: Visit) -> httpx2.Response:
    with ruled(visit, OPS):
        return visit.console.open(f"access?person=wesen&url={RESOURCE}")


@STATES.add
def console_rule(visit: Visit) -> httpx2.Response:
    with ruled(visit, OPS):
        return visit.console.open(visit.found(visit.console.open("access"), r"access-rule\?"))


@STATES.add
def console_removing_a_rule(visit: Visit) -> httpx2.Response:
    with ruled(visit, OPS):
        rule = visit.found(visit.console.open("access"), r"access-rule\?")
        return visit.console.open(f"{rule}&confirm=remove")


@STATES.add
def console_refused_without_the_password(visit: Visit) -> httpx2.Response:
    page = visit.console.open(f"person?name={visit.person().username}&confirm=delete")
    form = visit.console.form(page, "delete")
    visit.server.clock.advance(700)
    return visit.console.post("person", {**form.fields, "password": "wrong", "action": "delete"})


@STATES.add
def console_journal(visit: Visit) -> httpx2.Response:
    person = visit.person()
    Caller(visit.server, person).call("delete_issue", "error", arguments={"keys": ["id"]})
    return visit.console.open(f"journal?person={person.username}")


@STATES.add
def console_event(visit: Visit) -> httpx2.Response:
    return visit.console.open(visit.found(console_journal(visit), r"event\?"))


@STATES.add
def console_journal_without_matches(visit: Visit) -> httpx2.Response:
    return visit.console.open("journal?until=2020-01-01")
