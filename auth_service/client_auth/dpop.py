"""DPoP proofs: signed by the key they show, fresh, used once (RFC 9449)."""

from __future__ import annotations

from auth_service.client_auth.proof_replay_cache import ProofReplayCache
from auth_service.crypto.keyring import KeyRing, Tagger
from auth_service.protocol.errors import InvalidDpopProofError, UseDpopNonceError
from auth_service.protocol.proof_source import ProofSource
from auth_service.protocol.reasons import Reason
from auth_service.storage import keys
from shared import dpop
from shared.clock import Clock
from shared.dpop import Proof
from shared.signatures import Signatures

NONCE_PERIOD_S = 60
NONCE_PERIODS = 5
"""A nonce is good for the period it was made in and this many after."""


class DpopProofs:
    """Checks proofs, and hands out the nonces that make it impossible to make them ahead."""

    def __init__(
        self, proof_replay_cache: ProofReplayCache, keyring: KeyRing, signatures: Signatures, clock: Clock
    ) -> None:
        self._proof_replay_cache = proof_replay_cache
        self._signatures = signatures
        self._tagger = Tagger(keyring, "dpop nonces")
        self._clock = clock

    def nonce(self) -> str:
        """The nonce to use now. It says when it was made, under a tag: nothing is kept."""
        period = str(int(self._clock()) // NONCE_PERIOD_S)
        return f"{period}.{self._tagger.tag(period)}"

    async def check(
        self, proofs: list[str], method: str, url: str, *, source: str, access_token: str | None = None
    ) -> str | None:
        """The thumbprint of the key that a request proves possession of; None for a request without a proof.

        Args:
            proofs: the values of every DPoP header.
            url: the public URL of the endpoint.
            source: for whom it is verified, and counted.

        Raises:
            InvalidDpopProofError: there are several, or one that proves nothing.
            SlowDownError: too many of `source` are remembered.
            UseDpopNonceError: it lacks a nonce, or has an old one.
        """
        proof = await self.read_proof(proofs, method, url, source=source, access_token=access_token)
        return await self.use(proof, ProofSource(source))

    async def read_proof(
        self, proofs: list[str], method: str, url: str, *, source: str, access_token: str | None = None
    ) -> Proof | None:
        """The first half of `check`: everything but whether the proof was used before. Nothing is kept."""
        if not proofs:
            return None
        try:
            unverified = dpop.parse_proof(proofs, method, (url,), self._clock(), access_token=access_token)
            self._check_nonce(unverified.nonce)
            return await dpop.verify_proof(unverified, self._signatures, source)
        except dpop.InvalidProofError as error:
            raise InvalidDpopProofError(Reason.DPOP_PROOF_INVALID, str(error)) from error

    async def use(self, proof: Proof | None, source: ProofSource) -> str | None:
        """The second half: a proof counts once.

        Raises:
            InvalidDpopProofError: it was used before.
            SlowDownError: too many of `source` are remembered.
        """
        if proof is None:
            return None
        used = keys.once("dpop", proof.jkt, proof.jti)
        if not await self._proof_replay_cache.use(used, source, ttl_s=dpop.REMEMBER_S):
            raise InvalidDpopProofError(Reason.DPOP_PROOF_REPLAYED, "the DPoP proof was used before")
        return proof.jkt

    def _check_nonce(self, nonce: object) -> None:
        period, _, tag = nonce.partition(".") if isinstance(nonce, str) else ("", "", "")
        genuine = period.isascii() and period.isdigit() and self._tagger.is_tag(period, tag)
        if not genuine or int(self._clock()) // NONCE_PERIOD_S - int(period) > NONCE_PERIODS:
            raise UseDpopNonceError(
                Reason.DPOP_NONCE_REQUIRED,
                "the DPoP proof must contain the nonce from this response",
                nonce=self.nonce(),
            )
