"""The checks of an assertion, the lifetime of its replay entry, and the exemption of revocations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from auth_service.client_auth import assertions as module
from auth_service.client_auth.assertions import ClientAssertions
from auth_service.client_auth.proof_replay_cache import ProofReplayCache
from auth_service.clients.keys import ClientKeys, PublishedKeys
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidClientError, SlowDownError
from auth_service.protocol.proof_source import ProofSource
from auth_service.protocol.reasons import Reason
from shared.jose import Claims, UnverifiedJws
from shared.jwt_claims import SKEW_S
from shared.signatures import Signatures
from shared.storage import StoreFullError
from tests.auth_service.keypair import KeyPair
from tests.auth_service.protocol.builders import NOW, client
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-11", "SEC-8")]

ISSUER, ENDPOINT = "https://auth.example", "https://auth.example/token"
PAIR, RSA = KeyPair(), KeyPair("RS256")
NOTHING_TO_FETCH = PublishedKeys(None, lambda: 0.0)  # type: ignore[arg-type]  # the client's keys are registered
FAPI = {"dpop_bound_access_tokens": True, "require_pushed_authorization_requests": True}


class Uses:
    """Notes what is remembered for how long, and can fail to remember."""

    def __init__(self) -> None:
        self.remembered: list[tuple[ProofSource, int]] = []
        self.failure: Exception | None = None

    async def use(self, key: str, source: ProofSource, *, ttl_s: int) -> bool:
        if self.failure is not None:
            raise self.failure
        self.remembered.append((source, ttl_s))
        return True


class NotingSources(Signatures):
    """Notes for whom signatures are verified."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []

    async def verify_signature(self, token: UnverifiedJws, keys: Any, **options: Any) -> Claims:
        self.sources.append(options["source"])
        return await super().verify_signature(token, keys, **options)


class Checking:
    """Checks assertions, and notes what that leads to."""

    def __init__(self) -> None:
        self.uses, self.signatures = Uses(), NotingSources()
        self.assertions = ClientAssertions(
            proof_replay_cache=cast("ProofReplayCache", self.uses),
            client_keys=ClientKeys(NOTHING_TO_FETCH),
            signatures=self.signatures,
            issuer=ISSUER,
            endpoints=(ENDPOINT,),
            clock=lambda: NOW + 0.5,
        )

    async def check(self, of: Client, signed: str, origin: str | None = None, **options: bool) -> None:
        token, _ = self.assertions.parse(signed)
        await self.assertions.verify_assertion(of, token, origin, **options)


@pytest.fixture
def checking() -> Checking:
    return Checking()


def signer(*pairs: KeyPair, **metadata: object) -> Client:
    jwks = {"keys": [key for pair in pairs for key in pair.jwks["keys"]]}
    return client(token_endpoint_auth_method="private_key_jwt", jwks=jwks, **metadata)


def signed(pair: KeyPair = PAIR, audience: str = ISSUER, **claims: Any) -> str:
    return pair.assertion("client-1", audience, now=NOW, **claims)


async def test_a_signature_by_another_key_is_refused(checking: Checking) -> None:
    other = KeyPair()
    other.kid = PAIR.kid
    with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_ASSERTION_INVALID)):
        await checking.check(signer(PAIR), signed(other))
    assert checking.uses.remembered == []


@pytest.mark.parametrize(
    ("metadata", "pair", "audience", "good"),
    [
        ({}, RSA, ENDPOINT, True),
        ({"token_endpoint_auth_signing_alg": "ES256"}, RSA, ISSUER, False),
        ({"token_endpoint_auth_signing_alg": "ES256"}, PAIR, ISSUER, True),
        (FAPI, PAIR, ISSUER, True),
        (FAPI, PAIR, ENDPOINT, False),
        (FAPI, RSA, ISSUER, False),
    ],
)
async def test_algorithm_and_audience_are_those_of_the_clients_profile(
    checking: Checking, metadata: dict[str, Any], pair: KeyPair, audience: str, good: bool
) -> None:
    of = signer(PAIR, RSA, **metadata)
    if good:
        await checking.check(of, signed(pair, audience))
        return
    with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_ASSERTION_INVALID)):
        await checking.check(of, signed(pair, audience))


@pytest.mark.parametrize(("origin", "source"), [(None, "client-1"), ("192.0.2.1", "192.0.2.1")])
async def test_its_use_is_remembered_until_it_would_be_refused_anyway(
    checking: Checking, origin: str | None, source: str
) -> None:
    await checking.check(signer(PAIR), signed(), origin)
    ((_, remembered_s),) = checking.uses.remembered
    assert remembered_s == 60 + SKEW_S + 1
    assert checking.signatures.sources == [source]


FAILURES: list[Callable[[], Exception]] = [
    lambda: StoreFullError("full"),
    lambda: SlowDownError(Reason.RATE_LIMITED, "too many", retry_after_s=1),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_revocation_is_spared_a_full_store_and_a_limit_once_an_assertion(
    checking: Checking, failure: Callable[[], Exception]
) -> None:
    checking.uses.failure = failure()
    of, assertion = signer(PAIR), signed()
    with pytest.raises(type(checking.uses.failure)):
        await checking.check(of, assertion)
    await checking.check(of, assertion, to_revoke=True)
    with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_ASSERTION_REPLAYED)):
        await checking.check(of, assertion, to_revoke=True)


async def test_the_oldest_of_too_many_such_uses_is_forgotten(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_USED_HERE", 2)
    checking.uses.failure = StoreFullError("full")
    of, first, *others = signer(PAIR), *(signed() for _ in range(3))
    for assertion in (first, *others):
        await checking.check(of, assertion, to_revoke=True)
    for assertion in others:
        with pytest.raises(InvalidClientError, check=because(Reason.CLIENT_ASSERTION_REPLAYED)):
            await checking.check(of, assertion, to_revoke=True)
    await checking.check(of, first, to_revoke=True)
