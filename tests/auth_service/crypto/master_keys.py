"""Master keys that are the same in every test process."""

from __future__ import annotations

import base64

from pydantic import SecretStr

from auth_service.settings import MasterKey


def key(key_id: int, material: int) -> MasterKey:
    """A master key, the same in every test process: handles made under it name tests."""
    text = base64.urlsafe_b64encode(bytes([material]) * 32).decode()
    return MasterKey(key_id=key_id, key=SecretStr(text))


ONE, TWO = key(1, 11), key(2, 22)


ANOTHER_ONE = key(1, 33)
