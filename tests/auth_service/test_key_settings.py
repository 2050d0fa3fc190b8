"""The settings of signing keys."""

from __future__ import annotations

import re

import httpx2
import pytest
from pydantic import ValidationError

from auth_service.protocol.key_rotation import RELOAD_S
from auth_service.settings import AuthSettings
from tests.auth_service.service import USUAL, AuthorizationServer


def ahead(seconds: int) -> AuthSettings:
    members = {"store": "sqlite:///unused.db", "issuer": "http://localhost:9000"}
    return AuthSettings(**{**USUAL, **members, "key_ahead_s": seconds})


def test_a_key_is_published_for_longer_than_others_may_keep_what_was_there_before(
    server: AuthorizationServer,
) -> None:
    response: httpx2.Response = server.get("/jwks")
    match = re.search(r"max-age=(\d+)", response.headers["cache-control"])
    assert match
    longest = int(match[1]) + RELOAD_S  # a copy that a server of ours keeps, fetched at the last moment
    assert ahead(longest + 1).key_ahead_s == longest + 1
    with pytest.raises(ValidationError, match="key_ahead_s"):
        ahead(longest)
