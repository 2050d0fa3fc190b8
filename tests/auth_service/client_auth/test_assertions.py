"""A client assertion is good once, as long as it is accepted at all: until its end plus the allowed skew."""

from __future__ import annotations

from pathlib import Path

import pytest

from auth_service.client_auth.assertions import ClientAssertions
from auth_service.clients.keys import ClientKeys, PublishedKeys
from auth_service.protocol.errors import InvalidClientError
from auth_service.protocol.reasons import Reason
from shared.jwt_claims import SKEW_S
from shared.signatures import Signatures
from shared.storage.sqlite import SqliteStore
from tests.auth_service.client_auth.spending import proof_replay_cache
from tests.auth_service.keypair import KeyPair
from tests.auth_service.protocol.builders import client
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-11", "SEC-8")]

ISSUER = "https://auth.example"
LIFETIME_S = 60
NOTHING_TO_FETCH = PublishedKeys(None, lambda: 0.0)  # type: ignore[arg-type]  # the client's keys are registered


@pytest.mark.parametrize("later_s", [0, LIFETIME_S - 1, LIFETIME_S, LIFETIME_S + 1, LIFETIME_S + SKEW_S - 1])
async def test_an_assertion_cannot_be_replayed_while_it_is_accepted(tmp_path: Path, later_s: int) -> None:
    now = 1_800_000_000.0
    store = SqliteStore(tmp_path / "store.db", clock=lambda: now)
    pair = KeyPair()
    signer = client(token_endpoint_auth_method="private_key_jwt", jwks=pair.jwks)
    assertions = ClientAssertions(
        proof_replay_cache=proof_replay_cache(store),
        client_keys=ClientKeys(NOTHING_TO_FETCH),
        signatures=Signatures(),
        issuer=ISSUER,
        endpoints=(),
        clock=lambda: now,
    )
    signed = pair.assertion(signer.client_id, ISSUER, now=now, exp=int(now) + LIFETIME_S)
    token, _ = assertions.parse(signed)
    try:
        await assertions.verify_assertion(signer, token)
        now += later_s
        with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_ASSERTION_REPLAYED)):
            await assertions.verify_assertion(signer, token)
    finally:
        await store.aclose()


async def test_after_that_it_has_expired(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    store = SqliteStore(tmp_path / "store.db", clock=lambda: now)
    pair = KeyPair()
    signer = client(token_endpoint_auth_method="private_key_jwt", jwks=pair.jwks)
    assertions = ClientAssertions(
        proof_replay_cache=proof_replay_cache(store),
        client_keys=ClientKeys(NOTHING_TO_FETCH),
        signatures=Signatures(),
        issuer=ISSUER,
        endpoints=(),
        clock=lambda: now,
    )
    token, _ = assertions.parse(pair.assertion(signer.client_id, ISSUER, now=now, exp=int(now) + LIFETIME_S))
    now += LIFETIME_S + SKEW_S
    try:
        with pytest.raises(InvalidClientError, match="expired"):
            await assertions.verify_assertion(signer, token)
    finally:
        await store.aclose()
