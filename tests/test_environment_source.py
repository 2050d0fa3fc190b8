"""Settings are those that pydantic-settings reads by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic_settings import EnvSettingsSource

from auth_service.settings import AuthSettings
from tests import environment_source
from tests.auth_service.service import MASTER_KEY, RESOURCE_SERVER

VARIABLES = {
    "doorward_issuer": "https://auth.example",
    "DOORWARD_MASTER_KEYS": f"1:{MASTER_KEY}",
    "DOORWARD_RESOURCE_SERVERS": json.dumps([RESOURCE_SERVER]),
    "DOORWARD_DEMO_USER": "false",
}


def test_only_fields_that_are_set_are_examined_and_the_result_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    examined: list[str] = []

    def examine(source: EnvSettingsSource, field: Any, name: str) -> Any:
        examined.append(name)
        return EnvSettingsSource.get_field_value(source, field, name)

    result = AuthSettings(store="redis://127.0.0.1/1")  # type: ignore[call-arg]
    with monkeypatch.context() as patch:
        patch.setattr(EnvSettingsSource, "_get_resolved_field_value", environment_source._resolved)  # noqa: SLF001
        patch.setattr(EnvSettingsSource, "prepare_field_value", environment_source._prepared)  # noqa: SLF001
        assert AuthSettings(store="redis://127.0.0.1/1") == result  # type: ignore[call-arg]
    assert (result.issuer, result.demo_user) == ("https://auth.example", False)
    assert result.resource_servers[0].id == "resource"
    monkeypatch.setattr(environment_source, "_resolved", examine)
    AuthSettings(store="redis://127.0.0.1/1")  # type: ignore[call-arg]
    assert set(examined) == {name.lower().removeprefix("doorward_") for name in VARIABLES}
