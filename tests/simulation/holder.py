"""The tokens that a client has received for one grant, and the state of that grant as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.service import Credentials


@dataclass(frozen=True)
class Token:
    """An access token, as its response described it."""

    text: str
    scopes: frozenset[str]
    generation: int
    expires_at: float


@dataclass
class Holder:
    """A client with a code, and later with tokens.

    Attributes:
        given_up: the answer to the redemption of the code was lost; the client must ask the user again.
        revoked: a revocation was acknowledged.
        may_end: a revocation was attempted and not acknowledged.
        lost: the store forgot the grant.
        rewound: the store forgot a state of the grant.
    """

    credentials: Credentials
    code: str
    grant_id: str
    code_expires_at: float
    refresh_tokens: list[str] = field(default_factory=list)
    access_tokens: list[Token] = field(default_factory=list)
    given_up: bool = False
    revoked: bool = False
    may_end: bool = False
    lost: bool = False
    rewound: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing may be accepted."""
        return self.revoked or self.lost

    @property
    def goes_on(self) -> bool:
        """Whether its requests must succeed, unless the store fails."""
        return bool(self.refresh_tokens) and not self.ended and not self.may_end
