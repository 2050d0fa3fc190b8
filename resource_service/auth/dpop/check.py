"""DPoP: each request with a key-bound token proves possession of the key, once (RFC 9449 §7)."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.types import Scope

from resource_service.auth.dpop.nonces import Nonces
from resource_service.auth.dpop.proof_replay_cache import ProofReplayCache, QuotaExceededError
from resource_service.auth.dpop.shared_proofs import SharedProofs
from resource_service.errors import invalid_proof, nonce_needed, replay_unknown, too_many_proofs
from resource_service.reasons import Reason
from resource_service.settings import ResourceSettings
from resource_service.storage.shared_store import SharedStore
from shared.asgi import header_values
from shared.clock import Clock
from shared.dpop import InvalidProofError, Proof, UnverifiedProof, parse_proof, verify_proof
from shared.fair_queue import QueueFullError
from shared.signatures import Signatures
from shared.storage import StoreUnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class DpopValidator:
    """Validates the DPoP proofs that accompany tokens.

    Attributes:
        base_url: the public URL that everything is served under. A proof must name the endpoint by this URL
            and the routed path; the Host header is ignored.
        nonces: None if proofs need no nonce.
        spent: the used proofs of this process, unless `shared` remembers those of all.
    """

    base_url: str
    clock: Clock
    nonces: Nonces | None = None
    spent: ProofReplayCache = field(default_factory=ProofReplayCache)
    shared: SharedProofs | None = None
    signatures: Signatures = field(default_factory=Signatures)

    def presented(self, scope: Scope, token: str) -> UnverifiedProof:
        """Return the request's proof, which claims to be for `token`, without verifying its signature. Cheap.

        Raises:
            Refusal: there is not exactly one proof, or it does not match this request.
        """
        url = f"{self.base_url}{scope['path']}".removesuffix("/")
        proofs = header_values(scope, "dpop")
        try:
            # A URL with a trailing slash and one without are the same resource here.
            proof = parse_proof(proofs, scope["method"], (url, f"{url}/"), self.clock(), access_token=token)
        except InvalidProofError as error:
            raise invalid_proof(Reason.DPOP_PROOF_INVALID, _sentence(str(error))) from error
        if self.nonces is not None and not self.nonces.is_good(proof.nonce):
            raise nonce_needed(self.nonces.fresh())
        return proof

    async def spend(self, presented: UnverifiedProof, source: str) -> None:
        """Verify a proof and mark it as used. Call it only for valid tokens: it takes time and memory.

        Args:
            source: the owner of the token that the proof came with.

        Raises:
            Refusal: the proof's signature is invalid, it was used before, too many are remembered, or the
                shared store does not say whether it was used.
        """
        try:
            proof = await verify_proof(presented, self.signatures, source)
        except InvalidProofError as error:
            raise invalid_proof(Reason.DPOP_PROOF_INVALID, _sentence(str(error))) from error
        except QueueFullError as error:
            raise too_many_proofs(str(error)) from error
        await self._count(proof, source)

    async def _count(self, proof: Proof, owner: str) -> None:
        try:
            first = await self._is_first_use(proof, owner)
        except QuotaExceededError as error:
            raise too_many_proofs(str(error)) from error
        except StoreUnavailableError as error:
            raise replay_unknown(str(error)) from error
        if not first:
            raise invalid_proof(Reason.DPOP_PROOF_REPLAYED, "The DPoP proof was used before.")

    async def _is_first_use(self, proof: Proof, owner: str) -> bool:
        if self.shared is None:
            return self.spent.spend(proof, self.clock())
        return await self.shared.spend(proof, owner)


def dpop_validator_for(
    settings: ResourceSettings, clock: Clock, store: SharedStore | None = None
) -> DpopValidator:
    """Create the DPoP validator that `settings` describe.

    Args:
        store: remembers used proofs for all processes; None if this process remembers its own.
    """
    secret = settings.resource_secret.get_secret_value()
    nonces = Nonces(secret, clock, shared=store is not None) if settings.dpop_nonce else None
    return DpopValidator(
        base_url=settings.base_url,
        clock=clock,
        nonces=nonces,
        shared=None if store is None else SharedProofs(store=store, server_id=settings.resource_server_id),
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
