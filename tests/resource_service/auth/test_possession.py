"""The one check of a request's token and proof, without a network (RFC 9449 §7)."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Scope

from resource_service.auth.authentication import Authenticate, token_in
from resource_service.auth.dpop.check import DpopValidator
from resource_service.auth.dpop.nonces import Nonces
from resource_service.auth.dpop.proof_replay_cache import ProofReplayCache
from resource_service.errors import Refusal
from resource_service.introspection.client import IntrospectionUnavailableError
from resource_service.reasons import Reason
from shared.fair_queue import QueueFullError
from shared.introspection import ActiveToken
from shared.jose import Claims
from shared.signatures import Signatures
from tests.auth_service.keypair import KeyPair

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-2", "EXT-3")]

ORIGIN, ISSUER, NOW = "https://mcp.example", "https://auth.example", 1_800_000_000
PAIR = KeyPair()


class BusySignatures(Signatures):
    """No signature can be checked at the moment."""

    async def verify_signature(self, *_: object, **__: object) -> Claims:
        raise QueueFullError("busy")


async def introspect(token: str) -> ActiveToken | None:
    """The bound token, a bearer token, and others that are not active or not known."""
    if token == "down":
        raise IntrospectionUnavailableError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "down")
    if token == "inactive":
        return None
    return ActiveToken(
        client_id="c",
        scopes=(),
        audience=(f"{ORIGIN}/mcp",),
        issuer=ISSUER,
        expires_at=NOW + 60,
        subject="1",
        jkt=PAIR.thumbprint if token == "bound" else None,
    )


def validator(**changes: Any) -> DpopValidator:
    return DpopValidator(**{"base_url": ORIGIN, "clock": lambda: NOW, **changes})


def check(dpop_validator: DpopValidator | None = None) -> Authenticate:
    return Authenticate(
        introspect=introspect,
        dpop_validator=dpop_validator or validator(),
        resource=f"{ORIGIN}/mcp",
        issuer=ISSUER,
        clock=lambda: NOW,
    )


def request(authorization: str | None, *proofs: str, query: bytes = b"", path: str = "/mcp") -> Scope:
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    headers += [(b"dpop", proof.encode()) for proof in proofs]
    return {"type": "http", "method": "POST", "path": path, "query_string": query, "headers": headers}


def proof(**changes: Any) -> str:
    return PAIR.proof("POST", f"{ORIGIN}/mcp", **{"access_token": "bound", "now": NOW, **changes})


async def refusal(scope: Scope, dpop_validator: DpopValidator | None = None) -> Refusal:
    with pytest.raises(Refusal) as raised:
        await check(dpop_validator)(scope)
    return raised.value


async def test_a_bearer_token_needs_no_proof() -> None:
    assert (await check()(request("Bearer plain"))).subject == "1"
    assert token_in(request("Bearer plain")) == "plain"


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
@pytest.mark.parametrize("htu", [f"{ORIGIN}/mcp", f"{ORIGIN}/mcp/"])
async def test_a_bound_token_needs_a_proof_for_the_resource_however_its_slash(path: str, htu: str) -> None:
    proof = PAIR.proof("POST", htu, access_token="bound", now=NOW)
    assert (await check()(request("DPoP bound", proof, path=path))).subject == "1"


@pytest.mark.parametrize(
    ("scope", "status", "reason"),
    [
        (request(None), 401, Reason.TOKEN_MISSING),
        (request("Bearer two tokens"), 400, Reason.CREDENTIALS_MALFORMED),
        (request(None, query=b"access_token=plain"), 400, Reason.TOKEN_IN_URL),
        (request("Bearer inactive"), 401, Reason.TOKEN_INACTIVE),
        (request("Bearer down"), 503, Reason.AUTHORIZATION_SERVER_UNREACHABLE),
        (request("DPoP bound"), 401, Reason.DPOP_PROOF_INVALID),
        (request("DPoP bound", "x.y.z"), 401, Reason.DPOP_PROOF_INVALID),
        (request("DPoP bound", f"{proof()[:-8]}AAAAAAAA"), 401, Reason.DPOP_PROOF_INVALID),
        (request("DPoP bound", proof(access_token="other")), 401, Reason.DPOP_PROOF_INVALID),
    ],
)
async def test_any_other_request_is_refused_with_its_reason(
    scope: Scope, status: int, reason: Reason
) -> None:
    refused = await refusal(scope)
    assert (refused.status, refused.reason) == (status, reason)
    assert refused.description[0].isupper()
    assert refused.description.endswith(".")


async def test_a_proof_counts_once() -> None:
    dpop_validator, scope = validator(), request("DPoP bound", proof())
    await check(dpop_validator)(scope)
    assert (await refusal(scope, dpop_validator)).reason == Reason.DPOP_PROOF_REPLAYED


async def test_a_proof_of_a_token_that_is_not_valid_is_not_counted() -> None:
    dpop_validator = validator()
    await refusal(request("DPoP inactive", proof(access_token="inactive")), dpop_validator)
    assert len(dpop_validator.spent) == 0


@pytest.mark.parametrize(
    "full",
    [{"spent": ProofReplayCache(max_proofs=0)}, {"signatures": BusySignatures()}],
    ids=["memory", "time"],
)
async def test_a_proof_that_there_is_no_room_for_is_refused_for_now(full: dict[str, Any]) -> None:
    refused = await refusal(request("DPoP bound", proof()), validator(**full))
    assert (refused.status, refused.reason) == (503, Reason.DPOP_PROOF_QUOTA_EXCEEDED)


async def test_a_proof_needs_a_nonce_where_the_operator_wants_one() -> None:
    dpop_validator = validator(nonces=Nonces("s" * 32, lambda: NOW))
    refused = await refusal(request("DPoP bound", proof()), dpop_validator)
    assert refused.reason == Reason.DPOP_NONCE_REQUIRED
    with_nonce = request("DPoP bound", proof(nonce=refused.dpop_nonce))
    assert (await check(dpop_validator)(with_nonce)).subject == "1"
