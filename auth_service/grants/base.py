"""The interface of the grant types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from auth_service.crypto.handles import Handle
from auth_service.protocol.client import Client
from auth_service.protocol.grant import Grant
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.proof_source import ProofSource

Prepare: TypeAlias = Callable[[Grant], Awaitable[None]]


class Begun(NamedTuple):
    """A genuine handle, and the reading of its grant and of the access rules, which has begun.

    Attributes:
        values: as from `GrantRepository.read_with`.
    """

    handle: Handle
    values: Awaitable[list[bytes | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token request from an authenticated client that may use the grant type.

    Attributes:
        now: whole seconds since 1970.
        proof_source: the client or network for which assertions are counted.
        jkt: thumbprint of the key whose possession the request proves (RFC 9449).
        prepare: makes the response from the grant that is about to be written. It is awaited before anything
            is written or used up; if it raises, nothing is.
        begun: what the grant type reads together with the client; None if it has not begun.
    """

    client: Client
    parameters: Parameters
    now: int
    proof_source: ProofSource
    jkt: str | None = None
    prepare: Prepare | None = None
    begun: Begun | None = None


class GrantType(Protocol):
    """One `grant_type` (RFC 6749 §4)."""

    @property
    def name(self) -> str:
        """Return the value of `grant_type`."""
        ...

    async def redeem(self, request: TokenRequest) -> Grant:
        """Return the grant to issue tokens from, already in the state that the response describes.

        Raises:
            OAuthError: the request is refused.
        """
        ...
