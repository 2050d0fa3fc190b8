"""A new client secret from the console, and how long the previous one works."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from auth_service.protocol.client_secrets import OVERLAP_S
from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import running
from tests.flow import Client, Person, forms_of

pytestmark = pytest.mark.requirement("ID-8")


def works(client: Client, secret: str) -> bool:
    holder = Client(client.issuer, client.http, {**client.information, "client_secret": secret})
    error = holder.refresh("no refresh token").json()["error"]
    assert error in ("invalid_client", "invalid_grant")
    return bool(error == "invalid_grant")


def test_a_new_secret_works_at_once_and_the_previous_one_for_a_week(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        person = Person(trust_env=False)
        console = AtTheConsole(server, person)
        client = server.register(client_name="Rotated", token_endpoint_auth_method="client_secret_basic")
        server.connect(client)  # else it would expire within the week
        first = client.information["client_secret"]

        posted: list[dict[str, str]] = []

        def rotate() -> str:
            page = console.open(f"client?id={client.client_id}")
            form = console.form(page, "rotate")
            posted.append({**form.fields, "action": "rotate"})
            answers = [console.post(str(page.url), {**form.fields, "action": "rotate"}) for _ in range(2)]
            secrets = {re.findall(r"dw_cs_[\w-]+", answer.text)[0] for answer in answers}
            (secret,) = secrets  # pressed twice: one secret
            assert secret not in console.open(f"client?id={client.client_id}").text
            return str(secret)

        second = rotate()
        assert [works(client, secret) for secret in (first, second, "wrong")] == [True, True, False]
        server.clock.advance(OVERLAP_S - 60)
        assert works(client, first)
        server.clock.advance(60)
        assert [works(client, secret) for secret in (first, second)] == [False, True]
        person.log_in(person.open(f"{server.origin}/admin"))
        third, fourth = rotate(), rotate()
        assert [works(client, each) for each in (second, third, fourth)] == [False, True, True]
        late = console.post("client", posted[1])
        assert "dw_cs_" not in late.text, "the form of the third, submitted again after the fourth"
        assert [works(client, each) for each in (third, fourth)] == [True, True]
        person.close()


def test_a_public_client_gets_no_secret(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        person = Person(trust_env=False)
        console = AtTheConsole(server, person)
        client = server.register(client_name="Public")
        page = console.open(f"client?id={client.client_id}")
        assert all(("action", "rotate") not in form.buttons for form in forms_of(page.text))
        form = console.form(page, "disable")
        refused = console.post(str(page.url), {**form.fields, "action": "rotate"})
        assert (refused.status_code, "dw_cs_" in refused.text) == (404, False)
        person.close()
