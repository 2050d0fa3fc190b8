"""Key rings."""

from __future__ import annotations

import base64

from pydantic import SecretStr

from auth_service.crypto.keyring import KeyRing
from auth_service.settings import MasterKey


def ring(*key_ids: int) -> KeyRing:
    """Master keys, the newest first."""
    text = {key_id: base64.urlsafe_b64encode(bytes([key_id]) * 32).decode() for key_id in key_ids}
    return KeyRing(MasterKey(key_id=key_id, key=SecretStr(key)) for key_id, key in text.items())
