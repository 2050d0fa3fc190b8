"""Codes and tokens as MACed handles to a grant (DESIGN D2).

    dw_at_ | base64url( key id 1 | grant id 16 | generation 4 | expiry 5 | HMAC-SHA-256, first 22 bytes )

The two highest bits of the expiry say that the token is bound to a key, and that its scope is narrowed.
Malformed, wrong-kind and expired handles are rejected without reading the store, and the contents of the
store cannot be turned into a handle without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import Enum

from auth_service.crypto.keyring import KeyRing
from shared import base64url

_ID_BYTES = 16
_GENERATION_BYTES = 4
_EXPIRY_BYTES = 5
_MAC_BYTES = 22
_BOUND, _NARROWED = 1 << 39, 1 << 38
_EXPIRY = _NARROWED - 1
_BODY_BYTES = 1 + _ID_BYTES + _GENERATION_BYTES + _EXPIRY_BYTES
_TEXT = re.compile(r"(?P<prefix>dw_(?:at|rt|ac)_)(?P<encoded>[A-Za-z0-9_-]{64})\Z")


class Kind(Enum):
    """The kind of a handle; the value is its prefix."""

    ACCESS_TOKEN = "dw_at_"  # noqa: S105 -- a prefix that secret scanners look for
    REFRESH_TOKEN = "dw_rt_"  # noqa: S105
    CODE = "dw_ac_"


_KINDS = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """The contents of a genuine handle.

    Attributes:
        expires_at: seconds since 1970.
        narrowed: whether an access token has fewer scopes than its grant.
        bound: whether the token is bound to a DPoP key.
    """

    kind: Kind
    grant_id: str
    generation: int
    expires_at: int
    narrowed: bool = False
    bound: bool = False

    @property
    def is_access_token(self) -> bool:
        """Whether the handle is an access token."""
        return self.kind is Kind.ACCESS_TOKEN

    @property
    def is_refresh_token(self) -> bool:
        """Whether the handle is a refresh token."""
        return self.kind is Kind.REFRESH_TOKEN


class Handles:
    """Encodes and verifies handles."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys.derived("handles")
        self._current_id = keys.current_id

    def encode(self, handle: Handle) -> str:
        """Return the text of `handle`, which is deterministic for a given master key."""
        body = (
            bytes([self._current_id])
            + base64url.decode(handle.grant_id)
            + handle.generation.to_bytes(_GENERATION_BYTES)
            + _encoded_expiry(handle).to_bytes(_EXPIRY_BYTES)
        )
        return handle.kind.value + base64url.encode(body + self._mac(self._current_id, handle.kind, body))

    def read_handle(self, text: str, now: float) -> Handle | None:
        """Decode `text`; return None unless it is a genuine handle that has not expired by `now`."""
        match = _TEXT.match(text)
        if match is None:
            return None
        kind, raw = _KINDS[match["prefix"]], base64url.decode(match["encoded"])
        body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if body[0] not in self._keys or not hmac.compare_digest(mac, self._mac(body[0], kind, body)):
            return None
        handle = _parse(kind, body)
        return handle if now < handle.expires_at else None

    def _mac(self, key_id: int, kind: Kind, body: bytes) -> bytes:
        # The MAC covers the kind, so that a code can never be passed off as a token.
        return hmac.digest(self._keys[key_id], kind.value.encode() + body, hashlib.sha256)[:_MAC_BYTES]


def new_grant_id() -> str:
    """Return 128 random bits in base64url."""
    return base64url.encode(secrets.token_bytes(_ID_BYTES))


def _parse(kind: Kind, body: bytes) -> Handle:
    grant_id, rest = body[1 : 1 + _ID_BYTES], body[1 + _ID_BYTES :]
    expiry = int.from_bytes(rest[_GENERATION_BYTES:])
    return Handle(
        kind=kind,
        grant_id=base64url.encode(grant_id),
        generation=int.from_bytes(rest[:_GENERATION_BYTES]),
        expires_at=expiry & _EXPIRY,
        narrowed=bool(expiry & _NARROWED),
        bound=bool(expiry & _BOUND),
    )


def _encoded_expiry(handle: Handle) -> int:
    return handle.expires_at | (_NARROWED if handle.narrowed else 0) | (_BOUND if handle.bound else 0)
