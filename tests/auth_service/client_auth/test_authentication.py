"""A confidential client is taken at its word only with the proof that it registered for."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auth_service.client_auth.assertions import ClientAssertions
from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.client_auth.introspection_callers import IntrospectionCallers
from auth_service.clients.keys import ClientKeys, PublishedKeys
from auth_service.crypto.secrets import digest
from auth_service.protocol.client import Client
from auth_service.protocol.errors import ClientDisabledError, InvalidClientError
from auth_service.protocol.introspection import IntrospectionCaller
from auth_service.protocol.reasons import Reason
from auth_service.resource_settings import ResourceServer
from shared.signatures import Signatures
from shared.storage.sqlite import SqliteStore
from tests.auth_service.client_auth.spending import proof_replay_cache
from tests.auth_service.keypair import ASSERTION_TYPE, KeyPair
from tests.auth_service.protocol.builders import NOW, client, parameters
from tests.auth_service.service import OTHER_RESOURCE_SERVER, RESOURCE, RESOURCE_SECRET, RESOURCE_SERVER

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-11", "SEC-8")]

ISSUER = "https://auth.example"
PAIR = KeyPair()
NOTHING_TO_FETCH = PublishedKeys(None, lambda: 0.0)  # type: ignore[arg-type]  # the client's keys are registered


def named(client_id: str, method: str, secret: str | None = None, **metadata: object) -> Client:
    of = client(token_endpoint_auth_method=method, **metadata)
    return Client(
        client_id=client_id,
        created_at=NOW,
        metadata=of.metadata,
        secret_hash=digest(secret) if secret else None,
    )


CLIENTS = {
    "public": named("public", "none"),
    "secret": named("secret", "client_secret_basic", "s3cret"),
    "signs": named("signs", "private_key_jwt", jwks=PAIR.jwks, subject_type="pairwise"),
    "odd": named("odd", "private_key_jwt", "s3cret", jwks=PAIR.jwks),
}


class Registered:
    """A stand-in for the clients that are known, and notes where questions came from."""

    def __init__(self) -> None:
        self.origins: list[str | None] = []

    async def resolve_for_token(self, client_id: str, origin: str | None) -> Client | None:
        self.origins.append(origin)
        return CLIENTS.get(client_id)


@pytest.fixture
async def authentication(tmp_path: Path, anyio_backend: str) -> AsyncIterator[ClientAuthentication]:
    store = SqliteStore(tmp_path / "store.db", clock=lambda: float(NOW))
    assertions = ClientAssertions(
        proof_replay_cache=proof_replay_cache(store),
        client_keys=ClientKeys(NOTHING_TO_FETCH),
        signatures=Signatures(),
        issuer=ISSUER,
        endpoints=(f"{ISSUER}/token",),
        clock=lambda: float(NOW),
    )
    yield ClientAuthentication(Registered(), assertions)  # type: ignore[arg-type]
    await store.aclose()


def basic(client_id: str, secret: str) -> list[str]:
    return [f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"]


def asserted(client_id: str, audience: str = ISSUER, **claims: Any) -> dict[str, str]:
    assertion = PAIR.assertion(client_id, audience, now=NOW, **claims)
    return {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}


async def test_a_public_client_needs_no_proof_and_others_give_theirs(
    authentication: ClientAuthentication,
) -> None:
    assert await authentication.authenticate([], parameters(client_id="public")) is CLIENTS["public"]
    assert await authentication.authenticate(basic("secret", "s3cret"), parameters()) is CLIENTS["secret"]
    for values in (asserted("signs"), {"client_id": "signs", **asserted("signs", f"{ISSUER}/token")}):
        assert await authentication.authenticate([], parameters(**values)) is CLIENTS["signs"]


@pytest.mark.parametrize(
    ("header", "values", "reason"),
    [
        ([], {"client_id": "nobody"}, Reason.CLIENT_UNKNOWN),
        ([], {"client_id": "secret"}, Reason.CLIENT_SECRET_MISSING),
        (basic("secret", "wrong"), {}, Reason.CLIENT_SECRET_WRONG),
        (basic("public", "s3cret"), {}, Reason.CLIENT_SECRET_WRONG),
        ([], {"client_id": "signs"}, Reason.CLIENT_ASSERTION_REQUIRED),
        (basic("odd", "s3cret"), {}, Reason.CLIENT_ASSERTION_REQUIRED),
        ([], asserted("nobody"), Reason.CLIENT_UNKNOWN),
        ([], asserted("secret"), Reason.CLIENT_ASSERTION_NOT_REGISTERED),
        ([], {"client_id": "public", **asserted("signs")}, Reason.CLIENT_ID_MISMATCH),
        ([], asserted("signs", sub="public"), Reason.CLIENT_ASSERTION_INVALID),
        ([], asserted("signs", iss=None), Reason.CLIENT_ASSERTION_INVALID),
        ([], asserted("signs", jti=None), Reason.CLIENT_ASSERTION_INVALID),
        ([], asserted("signs", "https://other.example"), Reason.CLIENT_ASSERTION_INVALID),
        ([], asserted("signs", exp=NOW + 7_200), Reason.CLIENT_ASSERTION_INVALID),
        ([], {**asserted("signs"), "client_assertion": "x"}, Reason.CLIENT_ASSERTION_INVALID),
    ],
)
async def test_without_its_proof_nobody_is_a_client(
    authentication: ClientAuthentication, header: list[str], values: dict[str, str], reason: Reason
) -> None:
    with pytest.raises(InvalidClientError) as refused:
        await authentication.authenticate(header, parameters(**values))
    assert refused.value.reason is reason


async def test_a_disabled_client_gets_nothing_but_may_revoke_and_nobody_else_learns_of_it(
    authentication: ClientAuthentication, monkeypatch: pytest.MonkeyPatch
) -> None:
    disabled = replace(CLIENTS["secret"], disabled=True)
    monkeypatch.setitem(CLIENTS, "secret", disabled)
    with pytest.raises(ClientDisabledError):
        await authentication.authenticate(basic("secret", "s3cret"), parameters())
    with pytest.raises(InvalidClientError, match="secret is wrong"):
        await authentication.authenticate(basic("secret", "wrong"), parameters())
    revoking = await authentication.authenticate(basic("secret", "s3cret"), parameters(), to_revoke=True)
    assert revoking is disabled


class NotingAssertions:
    """A stand-in for the check of assertions, and notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str | None, bool]] = []

    def parse(self, assertion: str) -> tuple[None, str]:
        return None, "signs"

    async def verify_assertion(
        self, client: Client, token: None, origin: str | None, *, to_revoke: bool
    ) -> None:
        self.calls.append((origin, to_revoke))


async def test_an_assertion_counts_for_the_network_it_comes_from() -> None:
    noting = NotingAssertions()
    authentication = ClientAuthentication(Registered(), noting)  # type: ignore[arg-type]
    presented = parameters(**asserted("signs"))
    await authentication.authenticate([], presented)
    await authentication.authenticate([], presented, "origin", to_revoke=True)
    await authentication.authenticate([], presented, network="network")
    assert noting.calls == [(None, False), ("origin", True), ("network", False)]


SERVERS = [ResourceServer.model_validate(server) for server in (RESOURCE_SERVER, OTHER_RESOURCE_SERVER)]


async def test_introspection_is_for_resource_servers_and_clients_with_a_proof(
    authentication: ClientAuthentication,
) -> None:
    callers = IntrospectionCallers(authentication, SERVERS)
    server = await callers.authenticate(basic("resource", RESOURCE_SECRET), parameters())
    assert server == IntrospectionCaller("resource", resources=frozenset({RESOURCE}))
    by_secret = await callers.authenticate(basic("secret", "s3cret"), parameters())
    assert by_secret == IntrospectionCaller("secret", client_id="secret")
    by_assertion = await callers.authenticate([], parameters(**asserted("signs")))
    assert by_assertion == IntrospectionCaller("signs", client_id="signs", sector="client.example")


@pytest.mark.parametrize(
    ("header", "values", "reason"),
    [
        ([], {"client_id": "public"}, Reason.CALLER_NOT_AUTHENTICATED),
        ([], {"client_id": "resource"}, Reason.CALLER_NOT_AUTHENTICATED),
        (basic("resource", "wrong"), {}, Reason.RESOURCE_SECRET_WRONG),
        (basic("other", RESOURCE_SECRET), {}, Reason.RESOURCE_SECRET_WRONG),
        (basic("nobody", "x"), {}, Reason.CLIENT_UNKNOWN),
        ([], {"client_id": "resource", **asserted("resource")}, Reason.CLIENT_UNKNOWN),
    ],
)
async def test_nobody_else_introspects(
    authentication: ClientAuthentication, header: list[str], values: dict[str, str], reason: Reason
) -> None:
    with pytest.raises(InvalidClientError) as refused:
        await IntrospectionCallers(authentication, SERVERS).authenticate(header, parameters(**values))
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("headers", "values", "is_recognized"),
    [
        (basic("resource", RESOURCE_SECRET), {"token": "x"}, True),
        ([], {"token": "x"}, False),
        (basic("resource", RESOURCE_SECRET) * 2, {}, False),
        (basic("resource", RESOURCE_SECRET), {"client_id": "resource"}, False),
        (basic("resource", RESOURCE_SECRET), asserted("signs"), False),
        (basic("resource", "wrong"), {}, False),
        (basic("secret", "s3cret"), {}, False),
    ],
)
async def test_a_resource_server_is_recognized_by_its_only_credentials_in_the_usual_spelling(
    authentication: ClientAuthentication, headers: list[str], values: dict[str, str], is_recognized: bool
) -> None:
    server = IntrospectionCallers(authentication, SERVERS).resource_server(headers, parameters(**values))
    assert server == (
        IntrospectionCaller("resource", resources=frozenset({RESOURCE})) if is_recognized else None
    )
