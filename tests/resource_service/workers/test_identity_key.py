"""Workers sign identity tokens with one key, which each of them publishes."""

from __future__ import annotations

import pytest

from resource_service.identity_token import IdentityTokens
from resource_service.settings import ResourceSettings
from shared.cli.serve import key_of_workers

SETTINGS = {
    "DOORWARD_RESOURCE": "http://localhost:9001/mcp",
    "DOORWARD_ISSUER": "http://localhost:9000",
    "DOORWARD_RESOURCE_SECRET": "x" * 43,
}


@pytest.mark.requirement("RS-5", "RS-10")
def test_workers_share_the_key_of_identity_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DOORWARD_IDENTITY_KEY", raising=False)
    settings = ResourceSettings()  # type: ignore[call-arg]  # read from the environment
    assert key_of_workers(settings, 1) == {}
    for name, value in key_of_workers(settings, 2).items():
        monkeypatch.setenv(name, value)
    of_workers = [ResourceSettings() for _ in range(2)]  # type: ignore[call-arg]
    keys = [IdentityTokens(each.identity_private_key, lambda: 0.0).public_key for each in of_workers]
    assert keys[0] == keys[1]
    assert key_of_workers(of_workers[0], 2) == {}
