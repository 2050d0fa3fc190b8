"""ID tokens of providers, encrypted in the store until the logout in which the provider gets them back.

They are only hints (OpenID Connect RP-Initiated Logout §2): a provider without one asks the person again, or
does not send them back.
"""

from __future__ import annotations

import binascii
import json
from dataclasses import dataclass

from auth_service.crypto.keyring import KeyRing, SealBrokenError
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.storage import keys
from auth_service.users.sessions import Session
from shared import base64url
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LONGEST_HINT = 4_096
"""A longer ID token is not stored: it goes into a URL, which many servers limit to 8 KiB."""

_PURPOSE = "ID tokens of identity providers"


@dataclass(frozen=True, slots=True)
class StoredIdToken:
    """An encrypted ID token, as it is stored."""

    sealed: str


class ProviderIdTokens:
    """The ID tokens in the store: the last one of each account in each session of a provider."""

    def __init__(self, store: Store, keyring: KeyRing, ttl_s: int) -> None:
        self._tokens = Collection(store, keys.provider_id_token, JsonCodec(StoredIdToken), lambda _: ttl_s)
        self._keyring = keyring

    async def note(self, federated: FederatedIdentity, provider_id: str, subject: str) -> None:
        """Store the ID token of a login, if it is not too long."""
        token = federated.id_token
        if token is None or len(token) > LONGEST_HINT:
            return
        sealed = base64url.encode(self._keyring.seal(_PURPOSE, token.encode()))
        document_id, stored = _id(subject, provider_id, federated.session_id), StoredIdToken(sealed)
        while not await self._tokens.update(document_id, lambda _: (stored, True)):
            if await self._tokens.create(document_id, stored):
                return

    async def take(self, session: Session) -> str | None:
        """Return the ID token of the session's login, and delete it; None if it is not available."""
        document_id = _id(session.subject, session.provider_id or "", session.provider_session)
        stored = await self._tokens.get(document_id)
        if stored is None:
            return None
        await self._tokens.delete(document_id)
        try:
            return self._keyring.open(_PURPOSE, base64url.decode(stored.sealed)).decode()
        except (SealBrokenError, binascii.Error, ValueError):
            return None


def _id(subject: str, provider_id: str, session_id: str | None) -> str:
    return json.dumps([subject, provider_id, session_id])
