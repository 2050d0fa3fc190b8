"""The rate limit that a signed proof counts against; DPoP proofs and assertions are stored, to count once."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.protocol.client import Client
from shared import dpop
from shared.jwt_claims import SKEW_S

SHORT_S = dpop.REMEMBER_S
"""How long a DPoP proof, or an assertion that is valid for a minute, is remembered."""
LONG_S = 3_600 + SKEW_S + 1
"""How long the longest-lived assertion is remembered."""
CLIENT_FACTOR = 10
"""The multiple of a network's limit for a client that is counted separately."""


@dataclass(frozen=True, slots=True)
class ProofSource:
    """The source whose limit the proofs of a request count against.

    Attributes:
        name: a network, a client or a grant.
        is_client: whether the source is a client, which has a larger limit.
    """

    name: str
    is_client: bool = False


def proof_source(client: Client, network: str | None) -> ProofSource:
    """Return the source whose limit the proofs of an authenticated client count against.

    A hosted client serves many people from few addresses, so an authenticated client is counted separately.
    But a stranger can register any number of clients, so only clients that have been granted something count.

    Args:
        network: the network of the request; None if unknown.
    """
    is_established = client.confidential and (client.used_at is not None or client.is_operators)
    if is_established or network is None:
        return ProofSource(client.client_id, is_client=True)
    return ProofSource(network)
