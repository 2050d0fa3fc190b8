"""For whom a signed proof is counted: DPoP proofs and assertions are remembered, so that each counts once."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.protocol.client import Client
from shared import dpop
from shared.jwt_claims import SKEW_S

SHORT_S = dpop.REMEMBER_S
"""How long a DPoP proof is remembered, and an assertion that is good for a minute."""
LONG_S = 3_600 + SKEW_S + 1
"""How long the longest-lived assertion is remembered."""
CLIENT_FACTOR = 10
"""How many times the share of a network a client may use that is counted by itself."""


@dataclass(frozen=True, slots=True)
class ProofSource:
    """What the proofs of a request are counted for.

    Attributes:
        name: a network, a client or a grant.
        is_client: whether it is a client, which has a larger share.
    """

    name: str
    is_client: bool = False


def proof_source(client: Client, network: str | None) -> ProofSource:
    """What the proofs of an authenticated client are counted for.

    A hosted client serves many people from few addresses, so a client that proved who it is counts by itself.
    A stranger can register any number of those, however: it must have been granted something before.

    Args:
        network: the network that the request comes from; None where that is not known.
    """
    is_established = client.confidential and (client.used_at is not None or client.is_operators)
    if is_established or network is None:
        return ProofSource(client.client_id, is_client=True)
    return ProofSource(network)
