"""The bounds of the data that strangers can store, in size and rate, on both stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from auth_service.crypto.secrets import digest
from auth_service.protocol.budgets import REQUEST_BYTES
from auth_service.protocol.device import GRANT_TYPE
from auth_service.protocol.rate_limit import Limit
from auth_service.settings import AuthSettings
from auth_service.storage import keys
from auth_service.wiring import configured
from shared.storage import Store
from tests.auth_service.service import USUAL, AuthorizationServer, elsewhere, running
from tests.flow import REDIRECT_URI, Client, Pkce

pytestmark = pytest.mark.requirement("BOUND-2")

URN = "urn:ietf:params:oauth:request_uri:"


def pushing(pkce: Pkce, **changes: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "code_challenge": pkce.challenge,
        "code_challenge_method": "S256",
        **changes,
    }


def kept_of(server: AuthorizationServer, request_uri: str) -> dict[str, Any]:
    async def read(store: Store) -> bytes | None:
        return await store.get(keys.pushed(digest(request_uri.removeprefix(URN))))

    stored = server.with_store(read)
    assert stored is not None
    document: dict[str, Any] = json.loads(stored)
    return document


def test_a_pushed_request_is_kept_without_what_means_nothing_here(server: AuthorizationServer) -> None:
    client = server.register()
    pushed = client._post("par", pushing(Pkce(), state="s", padding="x" * 40_000))  # noqa: SLF001
    assert pushed.status_code == 201
    document = kept_of(server, pushed.json()["request_uri"])
    assert document["values"]["state"] == "s"
    assert "padding" not in document["values"]
    assert len(json.dumps(document)) < REQUEST_BYTES


@pytest.mark.parametrize("name", ["state", "claims", "nonce", "scope"])
def test_a_parameter_beyond_its_budget_is_refused_when_pushed_and_when_asked(
    server: AuthorizationServer, name: str
) -> None:
    client, long = server.register(), json.dumps({"userinfo": {"x" * 3_000: None}})
    pushed = client._post("par", pushing(Pkce(), **{name: long}))  # noqa: SLF001
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")
    response = server.http.get(client.authorization_url(Pkce(), **{name: long}))
    assert (response.status_code, "location" in response.headers) == (400, False)
    assert "invalid_request" in response.text


@pytest.fixture(scope="module")
def throttled(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), authorizations_per_minute=3, registrations_per_minute=4) as server:
        yield server


@pytest.fixture
def client(throttled: AuthorizationServer) -> Iterator[Client]:
    """A client that asks from a network of its own."""
    with httpx2.Client(transport=elsewhere()) as http:
        yield Client.register(throttled.origin, http, grant_types=["authorization_code", GRANT_TYPE])


@pytest.mark.parametrize("path", ["par", "device_authorization"])
def test_one_network_has_only_so_many_requests_kept(client: Client, path: str) -> None:
    form = pushing(Pkce()) if path == "par" else {}
    statuses = [client._post(path, form).status_code for _ in range(4)]  # noqa: SLF001
    assert statuses[:3] == [statuses[0]] * 3
    assert statuses[0] in (200, 201)
    assert statuses[3] == 429


def test_one_network_changes_registrations_only_so_often(client: Client) -> None:
    information = client.information
    headers = {"Authorization": f"Bearer {information['registration_access_token']}"}
    body = {"client_id": client.client_id, "redirect_uris": [REDIRECT_URI]}
    uri = information["registration_client_uri"]
    statuses = [client.http.put(uri, json=body, headers=headers).status_code for _ in range(5)]
    assert statuses == [200] * 4 + [429]
    assert client.http.get(uri, headers=headers).status_code == 200


def test_one_network_has_only_so_many_authorizations_pending_at_a_time(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AuthSettings(
        issuer="http://localhost", store="sqlite:///x", **{**USUAL, "authorizations_per_minute": 3}
    )
    assert configured.limits(settings)["keep-authorization"] == Limit(30, settings.pending_ttl_s)
    monkeypatch.setattr(configured, "_KEPT_MINUTES", 0)
    with running(store_url) as server:
        client = server.register()
        assert server.http.get(client.authorization_url(Pkce())).status_code == 429
        # What is refused is not kept, and does not count.
        assert server.http.get(client.authorization_url(Pkce(), scope='"')).status_code == 400
        # Nor is what is answered without a page, unless it was pushed.
        assert server.http.get(client.authorization_url(Pkce(), prompt="none")).status_code in (303, 400)
        pushed = client._post("par", pushing(Pkce(), prompt="none")).json()  # noqa: SLF001
        query = {"client_id": client.client_id, "request_uri": pushed["request_uri"]}
        assert server.http.get(f"{server.origin}/authorize", params=query).status_code == 429
