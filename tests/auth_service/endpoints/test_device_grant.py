"""The device authorization grant, from the first request to the tokens, on both stores (RFC 8628)."""

from __future__ import annotations

import pytest

from tests.auth_service.asserting import AssertingClient
from tests.auth_service.endpoints.devices import GRANT, Device
from tests.auth_service.service import RESOURCE, AuthorizationServer, running
from tests.flow import Person, forms_of

pytestmark = pytest.mark.requirement("AS-12")


@pytest.fixture
def device(server: AuthorizationServer) -> Device:
    return Device(server)


def test_the_device_is_told_what_to_show_and_how_to_poll(device: Device) -> None:
    response = device.ask()
    members, issuer = response.json(), device.server.issuer
    assert response.headers["cache-control"] == "no-store"
    assert (members["interval"], members["expires_in"]) == (5, 600)
    assert members["verification_uri"] == f"{issuer}/device"
    assert members["verification_uri_complete"] == f"{issuer}/device?user_code={members['user_code']}"
    assert len(members["user_code"]) == 9
    assert members["device_code"] not in members["verification_uri_complete"]


def test_a_person_allows_and_the_device_gets_tokens(device: Device) -> None:
    device.begin(scope="notes:read openid")
    assert device.error() == "authorization_pending"
    assert device.decide(device.server.person).status_code == 200
    response = device.poll()
    tokens = response.json()
    assert response.status_code == 200, tokens
    assert set(tokens["scope"].split()) == {"notes:read", "openid"}
    assert tokens["id_token"]
    answer = device.server.introspect(tokens["access_token"])
    assert (answer["username"], answer["aud"]) == ("wesen", RESOURCE)
    assert device.client.refresh(tokens["refresh_token"]).status_code == 200


def test_a_device_code_is_redeemed_once(device: Device) -> None:
    device.begin()
    device.decide(device.server.person)
    assert device.poll().status_code == 200
    assert device.error() == "invalid_grant"


def test_a_person_refuses_and_the_device_is_told(device: Device) -> None:
    device.begin()
    device.decide(device.server.person, "deny")
    assert device.error() == "access_denied"


def test_unticked_scopes_are_not_granted(device: Device) -> None:
    device.begin(scope="notes:read notes:write")
    person = device.server.person
    page = device.enter(person)
    if "password" in forms_of(page.text)[0].fields:
        page = person.log_in(page)
    names = {name for name, value in forms_of(page.text)[0].fields.items() if value == "notes:write"}
    assert names
    person.submit(page, {"decision": "allow", **dict.fromkeys(names)})
    tokens = device.poll().json()
    assert tokens.get("scope", "notes:read") == "notes:read"


def test_a_code_is_always_asked_about_even_where_consent_is_remembered(device: Device) -> None:
    device.begin()
    device.decide(device.server.person)
    device.begin()
    page = device.enter(device.server.person)
    assert 'name="decision"' in page.text


def test_the_link_fills_in_the_code_and_does_nothing_by_itself(device: Device) -> None:
    device.begin()
    page = device.server.person.open(device.authorization["verification_uri_complete"])
    assert forms_of(page.text)[0].fields["user_code"] == device.authorization["user_code"]
    assert device.error() == "authorization_pending"


def test_a_code_may_be_typed_in_lower_case_and_without_its_hyphen(device: Device) -> None:
    device.begin()
    page = device.enter(device.server.person, device.authorization["user_code"].lower().replace("-", " "))
    assert page.status_code == 200
    assert 'name="user_code"' not in page.text


def test_a_code_that_does_not_exist_is_told_so(device: Device) -> None:
    device.begin()
    page = device.enter(device.server.person, "BBBB-BBBB")
    assert page.status_code == 400
    assert "This code is not valid" in page.text


def test_polling_too_fast_is_slowed_down(device: Device) -> None:
    device.begin()
    assert [device.error(), device.error()] == ["authorization_pending", "slow_down"]


def test_a_code_expires_for_both(device: Device) -> None:
    device.begin()
    device.server.clock.advance(600)
    assert device.error() == "expired_token"
    assert device.enter(device.server.person).status_code == 400


def test_another_client_cannot_redeem_it(device: Device) -> None:
    device.begin()
    device.decide(device.server.person)
    other = Device(device.server).client
    assert device.poll(other).json()["error"] == "invalid_grant"
    assert device.poll().status_code == 200


@pytest.mark.parametrize("code", ["x", "dw_dc_x", "dw_at_x"])
def test_a_device_code_that_was_not_given_is_refused(device: Device, code: str) -> None:
    response = device.client.token(grant_type=GRANT, device_code=code)
    assert response.json()["error"] == "invalid_grant"


def test_a_client_that_did_not_register_the_grant_cannot_begin(server: AuthorizationServer) -> None:
    device = Device(server, server.register())
    assert device.ask().json()["error"] == "unauthorized_client"
    response = device.client.token(grant_type=GRANT, device_code="x")
    assert response.json()["error"] == "unauthorized_client"


def test_a_confidential_device_must_authenticate(server: AuthorizationServer) -> None:
    client = AssertingClient.registered(server, grant_types=[GRANT], redirect_uris=[])
    device = Device(server, client).begin()
    response = server.post("/device_authorization", client_id=client.client_id)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    device.decide(server.person)
    assert device.poll().status_code == 200


@pytest.mark.parametrize(
    ("parameters", "error"),
    [({"resource": "https://elsewhere.example"}, "invalid_target"), ({"scope": 'a"b'}, "invalid_scope")],
)
def test_a_bad_request_is_refused(device: Device, parameters: dict[str, str], error: str) -> None:
    response = device.ask(**parameters)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_the_page_takes_no_form_of_another_site(device: Device) -> None:
    device.begin()
    page = device.server.person.open(device.authorization["verification_uri"])
    answer = device.server.person.submit(page, {"user_code": device.authorization["user_code"], "csrf": "x"})
    assert answer.status_code in (400, 403)


def test_guesses_are_counted(store_url: str) -> None:
    with running(store_url, login_failures=5) as server:
        device, person = Device(server).begin(), Person(trust_env=False)
        answers = [device.enter(person, "BBBB-BBBB").status_code for _ in range(6)]
        assert answers == [*[400] * 5, 429]
        person.close()


def test_what_is_in_the_page_is_escaped(server: AuthorizationServer) -> None:
    page = server.get("/device?user_code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page.text
