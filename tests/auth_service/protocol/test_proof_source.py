"""The limit that a signed proof counts against."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.client import Client
from auth_service.protocol.proof_source import CLIENT_FACTOR, LONG_S, ProofSource, proof_source
from tests.auth_service.protocol.builders import client

pytestmark = pytest.mark.requirement("BOUND-2")

NETWORK = "192.0.2.1/32"
STRANGER = replace(client(token_endpoint_auth_method="private_key_jwt"), expires_at=1_900_000_000)
PUBLIC = replace(client(token_endpoint_auth_method="none"), used_at=1_800_000_000)


def test_a_client_that_proved_itself_and_was_granted_something_counts_by_itself() -> None:
    source = proof_source(replace(STRANGER, used_at=1_800_000_000), NETWORK)
    assert source == ProofSource(STRANGER.client_id, is_client=True)


def test_so_does_a_client_of_the_operator() -> None:
    assert proof_source(replace(STRANGER, expires_at=None), NETWORK).is_client


@pytest.mark.parametrize("stranger", [STRANGER, PUBLIC], ids=["unused", "public"])
def test_anybody_else_counts_for_the_network(stranger: Client) -> None:
    assert proof_source(stranger, NETWORK) == ProofSource(NETWORK, is_client=False) == ProofSource(NETWORK)


def test_a_client_may_use_ten_times_the_share_of_a_network_within_the_life_of_an_assertion() -> None:
    assert CLIENT_FACTOR == 10
    assert LONG_S == 3_600 + 30 + 1
