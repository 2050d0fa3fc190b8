"""Proofs that must hold a nonce, where the operator wants that (RFC 9449 §9), over several processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.proving import Prover, refused
from tests.resource_service.service import Service, bearer, running, token_for

pytestmark = pytest.mark.requirement("EXT-3")


@pytest.fixture(scope="module")
def demanding(
    issuer_running: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service that wants a nonce in every proof."""
    with running(issuer_running, tmp_path_factory.mktemp("demanding"), dpop_nonce="true") as service:
        yield service


@pytest.fixture
def prover(demanding: Service, issuer: AuthorizationServer) -> Iterator[Prover]:
    with httpx2.Client(base_url=demanding.origin, timeout=10, trust_env=False) as http:
        yield Prover.known(demanding, issuer, http)


def test_the_first_answer_gives_a_nonce_and_the_next_proof_holds_it(
    prover: Prover, issuer: AuthorizationServer
) -> None:
    first = prover.greeted()
    assert refused(first, "use_dpop_nonce")
    assert issuer.questions == []
    nonce = first.headers["dpop-nonce"]
    for _ in range(2):
        assert prover.greeted(prover.proof("GET", "/hello", nonce=nonce)).status_code == 200


def test_a_nonce_that_was_never_given_is_answered_with_a_good_one(prover: Prover) -> None:
    for made_up in ("x", "1.x", ""):
        response = prover.greeted(prover.proof("GET", "/hello", nonce=made_up))
        assert refused(response, "use_dpop_nonce")
        assert response.headers["dpop-nonce"]


def test_with_a_nonce_a_proof_still_counts_once_and_must_be_good(prover: Prover) -> None:
    nonce = prover.greeted().headers["dpop-nonce"]
    proof = prover.proof("GET", "/hello", nonce=nonce)
    assert prover.greeted(proof).status_code == 200
    assert refused(prover.greeted(proof), "invalid_dpop_proof")
    assert refused(prover.greeted(prover.proof("POST", "/hello", nonce=nonce)), "invalid_dpop_proof")


def test_bearer_tokens_need_none(prover: Prover, demanding: Service, issuer: AuthorizationServer) -> None:
    response = prover.http.get("/hello", headers=bearer(token_for(demanding, issuer)))
    assert response.status_code == 200
    assert "dpop-nonce" not in response.headers


def test_processes_share_nonces_and_one_that_starts_takes_none_from_before(
    prover: Prover, demanding: Service, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    before = prover.greeted().headers["dpop-nonce"]
    used = prover.proof("GET", "/hello", nonce=before)
    assert prover.greeted(used).status_code == 200
    with running(issuer, tmp_path, dpop_nonce="true", resource=demanding.resource) as second:

        def at_the_second(proof: str) -> httpx2.Response:
            headers = {"Authorization": f"DPoP {prover.token}", "DPoP": proof}
            return httpx2.get(f"{second.origin}/hello", headers=headers, trust_env=False)

        replayed = at_the_second(used)
        assert refused(replayed, "use_dpop_nonce"), "it cannot know that the proof was used"
        shared = replayed.headers["dpop-nonce"]
        assert at_the_second(prover.proof("GET", "/hello", nonce=shared)).status_code == 200
        assert prover.greeted(prover.proof("GET", "/hello", nonce=shared)).status_code == 200
