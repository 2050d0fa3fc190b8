"""Every page and state of the authorization server but the console, reached by requests."""

from __future__ import annotations

import httpx2

from tests.auth_service.caller import Caller
from tests.auth_service.endpoints.devices import Device
from tests.auth_service.endpoints.second_factors import PASSWORD, with_app
from tests.auth_service.service import (
    OTHER_RESOURCE,
    RESOURCE,
    nobodys,
)
from tests.browser.visits import EVERYTHING, NEWER, SECRET_OF_SET_UP, State, StateTable, Visit, ruled
from tests.flow import forms_of

STATES = StateTable()


def _opened(path: str) -> State:
    return lambda visit: visit.open(visit.stranger(), path)


def _own(path: str) -> State:
    return lambda visit: visit.open(visit.person(), path)


STATES |= {path: _opened(path) for path in ("", "login", "passkey-login", "device", "nothing", "token")}
STATES |= {
    path: _own(path)
    for path in (
        *("account", "account?action=end_other_sessions", "login-methods", "password", "email"),
        *("delete-account", "add-authenticator", "add-passkey", "logout", "activity"),
    )
}
STATES |= {
    "link_over": _opened("set-password?link=x"),
    "expired": _opened("consent?pending=x"),
    "unknown_client": _opened("authorize?client_id=nobody"),
}


@STATES.add
def unavailable(visit: Visit) -> httpx2.Response:
    person = visit.stranger()
    return [person.open(f"{visit.fresh.origin}/authorize?client_id=nobody") for _ in range(3)][-1]


@STATES.add
def wrong_password(visit: Visit) -> httpx2.Response:
    person = visit.stranger()
    return person.submit(visit.open(person, "login"), {"username": "wesen", "password": "wrong"})


@STATES.add
def provider_out_of_reach(visit: Visit) -> httpx2.Response:
    person = visit.stranger()
    page = visit.open(person, "login")
    form = next(form for form in forms_of(page.text) if form.action.endswith("login/gone"))
    return person.browser.post(f"{visit.server.origin}/login/gone", data=form.fields)


@STATES.add
def not_freshly_logged_in_at_the_provider(visit: Visit) -> httpx2.Response:
    person = visit.federated()
    visit.provider.changes = {"auth_time": None}
    return person.log_in(visit.open(person, "login?to=delete-account"))


@STATES.add
def identity_of_an_existing_account(visit: Visit) -> httpx2.Response:
    owner = nobodys("owner")
    visit.server.add_user(owner, PASSWORD).close()
    address = f"{owner}@corp.example"
    visit.server.with_account(owner, lambda accounts, user: accounts.set_email(user, address))
    person = visit.federated(email=address, email_verified=True)
    return person.log_in(visit.open(person, "login"))


@STATES.add
def disconnecting_an_identity(visit: Visit) -> httpx2.Response:
    person = visit.federated()
    person.log_in(visit.open(person, "login"))
    account = visit.open(person, "account")
    return visit.open(person, visit.found(account, "disconnect-identity"))


@STATES.add
def second_factor(visit: Visit) -> httpx2.Response:
    person = visit.person()
    with_app(visit.server, person)
    person.browser.cookies.clear()
    return person.log_in(visit.open(person, "login"))


@STATES.add
def wrong_code(visit: Visit) -> httpx2.Response:
    person = visit.person()
    with_app(visit.server, person)
    person.browser.cookies.clear()
    return person.submit(person.log_in(visit.open(person, "login")), {"code": "000000"})


@STATES.add
def second_factor_missing(visit: Visit) -> httpx2.Response:
    return visit.authorize(visit.person(), resource=OTHER_RESOURCE, scope="other")


@STATES.add
def recovery_codes(visit: Visit) -> httpx2.Response:
    person = visit.person()
    with_app(visit.server, person)
    return person.submit(visit.open(person, "recovery-codes"), {})


@STATES.add
def new_recovery_codes(visit: Visit) -> httpx2.Response:
    person = visit.person()
    with_app(visit.server, person)
    return visit.open(person, "recovery-codes")


@STATES.add
def login_methods_with_an_app(visit: Visit) -> httpx2.Response:
    person = visit.person()
    with_app(visit.server, person)
    return visit.open(person, "login-methods")


@STATES.add
def invited(visit: Visit) -> httpx2.Response:
    return visit.open(visit.stranger(), visit.link())


@STATES.add
def invited_with_a_weak_password(visit: Visit) -> httpx2.Response:
    person = visit.stranger()
    weak: dict[str, str | None] = dict.fromkeys(NEWER, "password1")
    return person.submit(visit.open(person, visit.link()), weak)


@STATES.add
def password_set(visit: Visit) -> httpx2.Response:
    person = visit.stranger()
    return person.submit(visit.open(person, visit.link()), {**NEWER})


@STATES.add
def set_up(visit: Visit) -> httpx2.Response:
    return visit.stranger().open(f"{visit.fresh.origin}/set-up?link={SECRET_OF_SET_UP}")


@STATES.add
def set_up_done(visit: Visit) -> httpx2.Response:
    person = visit.stranger()
    page = person.open(f"{visit.fresh.origin}/set-up?link={SECRET_OF_SET_UP}")
    return person.submit(page, {"username": "ada", **NEWER})


@STATES.add
def wrong_current_password(visit: Visit) -> httpx2.Response:
    person = visit.person()
    return person.submit(visit.open(person, "password"), {"password": "wrong", **NEWER})


@STATES.add
def password_changed(visit: Visit) -> httpx2.Response:
    person = visit.person()
    return person.submit(visit.open(person, "password"), {"password": PASSWORD, **NEWER})


@STATES.add
def email_not_valid(visit: Visit) -> httpx2.Response:
    person = visit.person()
    return person.submit(visit.open(person, "email"), {"password": PASSWORD, "email": "a@b"})


@STATES.add
def email_waits_for_proof(visit: Visit) -> httpx2.Response:
    person = visit.person()
    changed: dict[str, str | None] = {"password": PASSWORD, "email": f"{person.username}@corp.example"}
    return person.submit(visit.open(person, "email"), changed)


@STATES.add
def account_deleted(visit: Visit) -> httpx2.Response:
    person = visit.person()
    return person.submit(visit.open(person, "delete-account"), {"password": PASSWORD})


@STATES.add
def account_with_connections(visit: Visit) -> httpx2.Response:
    person = visit.person()
    visit.client().connect(person, resource=RESOURCE)
    return visit.open(person, "account")


@STATES.add
def disconnecting_an_application(visit: Visit) -> httpx2.Response:
    person = visit.person()
    visit.client().connect(person, resource=RESOURCE)
    return person.open_disconnect(visit.server.origin)


@STATES.add
def logged_out(visit: Visit) -> httpx2.Response:
    person = visit.person()
    return person.submit(visit.open(person, "logout"), {})


@STATES.add
def consent(visit: Visit) -> httpx2.Response:
    return visit.authorize(visit.person())


@STATES.add
def consent_for_groups(visit: Visit) -> httpx2.Response:
    scope = f"{EVERYTHING} groups"
    return visit.authorize(visit.person(), visit.client(scope=scope), scope=scope)


@STATES.add
def consent_to_administer(visit: Visit) -> httpx2.Response:
    client = visit.server.operator_registers(
        client_name="Verwaltung",
        redirect_uris=["https://admin.example/cb"],
        grant_types=["authorization_code"],
        response_types=["code"],
        token_endpoint_auth_method="none",
        scope="doorward:admin",
    )
    resource = f"{visit.server.issuer}/admin/api"
    return visit.authorize(visit.console.person, client, resource=resource, scope="doorward:admin")


@STATES.add
def form_post(visit: Visit) -> httpx2.Response:
    person = visit.person()
    page = visit.authorize(person, response_mode="form_post")
    return person.submit(page, {"decision": "allow"})


@STATES.add
def refused_request(visit: Visit) -> httpx2.Response:
    return visit.authorize(visit.person(), scope='"')


@STATES.add
def wrong_redirect_uri(visit: Visit) -> httpx2.Response:
    return visit.authorize(visit.person(), redirect_uri="https://evil.example/")


@STATES.add
def no_access(visit: Visit) -> httpx2.Response:
    with ruled(visit, {"contact": "it@corp.example", "people": {"nobody": {RESOURCE: "*"}}}):
        return visit.authorize(visit.person())


@STATES.add
def stale_form(visit: Visit) -> httpx2.Response:
    person = visit.person()
    page = visit.open(person, "password")
    person.submit(visit.open(person, "logout"), {})
    person.log_in(visit.open(person, "login"))
    return person.submit(page, {})


@STATES.add
def form_of_another_site(visit: Visit) -> httpx2.Response:
    person = visit.person()
    fields = forms_of(visit.open(person, "password").text)[0].fields
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    return person.browser.post(f"{visit.server.origin}/password", data=fields, headers=headers)


def _device(visit: Visit) -> Device:
    return Device(visit.server).begin(resource=RESOURCE, scope="notes:read")


@STATES.add
def wrong_user_code(visit: Visit) -> httpx2.Response:
    return _device(visit).enter(visit.person(), "WRONG-CODE")


@STATES.add
def device_consent(visit: Visit) -> httpx2.Response:
    return _device(visit).enter(visit.person())


@STATES.add
def device_connected(visit: Visit) -> httpx2.Response:
    return _device(visit).decide(visit.person())


@STATES.add
def device_denied(visit: Visit) -> httpx2.Response:
    return _device(visit).decide(visit.person(), "deny")


@STATES.add
def activity(visit: Visit) -> httpx2.Response:
    person = visit.person()
    caller = Caller(visit.server, person)
    for number in range(26):
        caller.call(f"read_note_{number}", "error" if number else "ok", arguments={"keys": ["id"]})
    return visit.open(person, "activity")
