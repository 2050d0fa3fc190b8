"""DPoP proofs at the authorization server: with a nonce of the last minutes, and each good once."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from auth_service.client_auth.dpop import NONCE_PERIOD_S, NONCE_PERIODS, DpopProofs
from auth_service.crypto.keyring import KeyRing
from auth_service.protocol.errors import InvalidDpopProofError, UseDpopNonceError
from auth_service.protocol.proof_source import ProofSource
from auth_service.settings import MasterKey
from shared.signatures import Signatures
from shared.storage.sqlite import SqliteStore
from tests.auth_service.client_auth.spending import proof_replay_cache
from tests.auth_service.keypair import KeyPair

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-12")]

URL = "https://auth.example/token"
PAIR = KeyPair()
START = 1_800_000_000 // NONCE_PERIOD_S * NONCE_PERIOD_S


class Proofs:
    """The check of proofs, on a clock that the test moves."""

    def __init__(self, store_path: Path) -> None:
        self.now = float(START)
        self.store = SqliteStore(store_path, clock=lambda: self.now)
        master = MasterKey(key_id=1, key=SecretStr(base64.urlsafe_b64encode(bytes(32)).decode()))
        self.proofs = DpopProofs(
            proof_replay_cache(self.store), KeyRing([master]), Signatures(), lambda: self.now
        )

    async def check(self, *proofs: str, method: str = "POST") -> str | None:
        return await self.proofs.check(list(proofs), method, URL, source="192.0.2.1")

    def proof(self, nonce: str | None) -> str:
        return PAIR.proof("POST", URL, now=self.now, nonce=nonce)


@pytest.fixture
async def dpop(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Proofs]:
    dpop = Proofs(tmp_path / "store.db")
    yield dpop
    await dpop.store.aclose()


async def test_a_request_without_a_proof_proves_no_key(dpop: Proofs) -> None:
    assert await dpop.check() is None
    assert await dpop.proofs.use(None, ProofSource("192.0.2.1")) is None


async def test_a_proof_names_the_key_once(dpop: Proofs) -> None:
    proof = dpop.proof(dpop.proofs.nonce())
    assert await dpop.check(proof) == PAIR.thumbprint
    with pytest.raises(InvalidDpopProofError, match="used before"):
        await dpop.check(proof)
    assert await dpop.check(dpop.proof(dpop.proofs.nonce())) == PAIR.thumbprint


async def test_a_proof_for_something_else_is_refused(dpop: Proofs) -> None:
    nonce = dpop.proofs.nonce()
    with pytest.raises(InvalidDpopProofError, match="htm"):
        await dpop.check(dpop.proof(nonce), method="GET")
    with pytest.raises(InvalidDpopProofError, match="more than one"):
        await dpop.check(dpop.proof(nonce), dpop.proof(nonce))


@pytest.mark.parametrize(("periods", "good"), [(0, True), (NONCE_PERIODS, True), (NONCE_PERIODS + 1, False)])
async def test_a_nonce_is_good_for_five_minutes_and_the_one_it_was_made_in(
    dpop: Proofs, periods: int, good: bool
) -> None:
    nonce = dpop.proofs.nonce()
    dpop.now += periods * NONCE_PERIOD_S + (NONCE_PERIOD_S - 1 if good else 0)
    assert (NONCE_PERIODS, NONCE_PERIOD_S) == (5, 60)
    if good:
        assert await dpop.check(dpop.proof(nonce)) == PAIR.thumbprint
        return
    with pytest.raises(UseDpopNonceError) as refused:
        await dpop.check(dpop.proof(nonce))
    assert await dpop.check(dpop.proof(refused.value.nonce)) == PAIR.thumbprint


@pytest.mark.parametrize(
    "nonce", [None, "", "x", "1.x", f"{START // NONCE_PERIOD_S}.forged", "١.x", "-1.x", f"{'9' * 5_000}.x"]
)
async def test_a_proof_without_a_nonce_of_ours_is_told_the_one_to_use(
    dpop: Proofs, nonce: str | None
) -> None:
    with pytest.raises(UseDpopNonceError) as refused:
        await dpop.check(dpop.proof(nonce))
    assert refused.value.nonce == dpop.proofs.nonce()


async def test_a_nonce_that_is_not_a_string_counts_as_missing(dpop: Proofs) -> None:
    with pytest.raises(UseDpopNonceError):
        await dpop.check(PAIR.proof("POST", URL, now=dpop.now, nonce=7))  # type: ignore[arg-type]
