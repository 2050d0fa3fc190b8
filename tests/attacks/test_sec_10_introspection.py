"""SEC-10: introspection tells nobody what is not theirs, not even that it exists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.auth_service.service import (
    OTHER_RESOURCE_SECRET,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SECRET,
    RESOURCE_SERVER,
    AuthorizationServer,
    running,
)

pytestmark = pytest.mark.requirement("SEC-10", "AS-15")

INACTIVE = b'{"active":false}'
AS_RESOURCE = httpx2.BasicAuth("resource", RESOURCE_SECRET)
AS_OTHER = httpx2.BasicAuth("other", OTHER_RESOURCE_SECRET)


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """Two resource servers."""
    with running(new_store(), resource_servers=[RESOURCE_SERVER, OTHER_RESOURCE_SERVER]) as server:
        yield server


def ask(server: AuthorizationServer, token: str, **options: Any) -> httpx2.Response:
    form = {"token": token, **options.pop("form", {})}
    return server.http.post(f"{server.origin}/introspect", data=form, **options)


def test_an_unauthenticated_caller_learns_nothing(server: AuthorizationServer) -> None:
    client = server.register()
    tokens = server.connect(client, resource=RESOURCE)
    attempts: list[dict[str, Any]] = [
        {},
        {"form": {"client_id": client.client_id}},
        {"form": {"client_id": client.client_id, "client_secret": "x"}},
        {"form": {"client_id": "resource"}},
        {"form": {"client_id": "resource", "client_secret": "x"}},
        {"auth": httpx2.BasicAuth("resource", "x")},
        {"auth": httpx2.BasicAuth("resource", OTHER_RESOURCE_SECRET)},
        {"auth": httpx2.BasicAuth("other", RESOURCE_SECRET)},
        {"headers": {"Authorization": f"Bearer {tokens['access_token']}"}},
        {"headers": {"Authorization": f"Bearer {RESOURCE_SECRET}"}},
    ]
    for options in attempts:
        for token in (tokens["access_token"], "junk"):
            response = ask(server, token, **options)
            assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
            assert "active" not in response.json()


def test_the_answer_about_what_is_not_ones_own_is_the_same_as_about_junk(
    server: AuthorizationServer,
) -> None:
    client, other = (server.register(token_endpoint_auth_method="client_secret_basic") for _ in range(2))
    tokens = server.connect(client, resource=RESOURCE, scope="openid notes:read offline_access")
    revoked = server.connect(client, resource=RESOURCE)
    client.revoke(revoked["access_token"])
    as_other_client = httpx2.BasicAuth(other.client_id, other.information["client_secret"])
    questions = [
        *((tokens[name], AS_OTHER) for name in ("access_token", "refresh_token", "id_token")),
        *((tokens[name], as_other_client) for name in ("access_token", "refresh_token", "id_token")),
        *((tokens[name], AS_RESOURCE) for name in ("refresh_token", "id_token")),
        *((revoked[name], AS_RESOURCE) for name in ("access_token", "refresh_token")),
        *(
            (text, AS_RESOURCE)
            for text in ("junk", "dw_at_" + "A" * 64, tokens["access_token"] + "A", " ", "ü")
        ),
        (tokens["access_token"][:-1], AS_RESOURCE),
        (client.information["client_secret"], AS_RESOURCE),
        (client.information["registration_access_token"], AS_RESOURCE),
        (RESOURCE_SECRET, AS_RESOURCE),
    ]
    answers = {ask(server, token, auth=auth).content for token, auth in questions}
    assert answers == {INACTIVE}
    assert ask(server, tokens["access_token"], auth=AS_RESOURCE).json()["active"] is True


def test_an_expired_token_is_answered_like_junk(server: AuthorizationServer) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_basic")
    tokens = server.connect(client, resource=RESOURCE)
    server.clock.advance(600)
    assert ask(server, tokens["access_token"], auth=AS_RESOURCE).content == INACTIVE
    server.clock.advance(30 * 86_400)
    assert client.introspect(tokens["refresh_token"]).content == INACTIVE


def test_no_kind_of_token_passes_for_another(server: AuthorizationServer) -> None:
    tokens = server.connect(server.register(), resource=RESOURCE)
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    for swapped in ("dw_at_" + refresh[6:], "dw_rt_" + access[6:], "dw_ac_" + access[6:]):
        assert ask(server, swapped, auth=AS_RESOURCE).content == INACTIVE
    for hint in ("refresh_token", "access_token"):
        answer = ask(server, refresh, auth=AS_RESOURCE, form={"token_type_hint": hint})
        assert answer.content == INACTIVE


def test_a_client_cannot_pass_for_a_resource_server_by_its_name(server: AuthorizationServer) -> None:
    tokens = server.connect(server.register(), resource=RESOURCE)
    impostor = server.register(
        client_name="resource", software_id="resource", token_endpoint_auth_method="client_secret_basic"
    )
    assert impostor.introspect(tokens["access_token"]).content == INACTIVE
    auth = httpx2.BasicAuth("resource", impostor.information["client_secret"])
    assert ask(server, tokens["access_token"], auth=auth).status_code == 401


def test_introspection_parameters_in_the_query_are_refused(server: AuthorizationServer) -> None:
    token = server.connect(server.register(), resource=RESOURCE)["access_token"]
    url = f"{server.origin}/introspect"
    assert server.http.get(url, params={"token": token}, auth=AS_RESOURCE).status_code == 405
    assert server.http.post(url, params={"token": token}, auth=AS_RESOURCE).status_code == 400
