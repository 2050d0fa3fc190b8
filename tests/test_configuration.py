"""The configuration document names every setting, with its default, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from auth_service.settings import AuthSettings
from resource_service.settings import ResourceSettings
from shared.cli.variables import COMPOSE
from shared.logs import LogSettings
from shared.metrics.settings import MetricsSettings
from shared.traces.settings import TracesSettings

DOCUMENT = (Path(__file__).parent.parent / "docs" / "reference" / "configuration.md").read_text(
    encoding="utf-8"
)
ROWS = dict(re.findall(r"^\| `(DOORWARD_[A-Z_]+)` \| ([^|]+) \|", DOCUMENT, re.MULTILINE))
ELSEWHERE = {"DOORWARD_WORKERS", *COMPOSE}  # an option of the command, and what compose reads
SETTINGS: list[type[BaseSettings]] = [
    AuthSettings,
    ResourceSettings,
    LogSettings,
    MetricsSettings,
    TracesSettings,
]


def _names(settings: type[BaseSettings]) -> dict[str, object]:
    prefix = str(settings.model_config["env_prefix"])
    return {f"{prefix}{name.upper()}": field for name, field in settings.model_fields.items()}


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_setting_is_explained(settings: type[BaseSettings]) -> None:
    assert _names(settings).keys() - ROWS.keys() == set()


def test_nothing_is_explained_that_is_not_a_setting() -> None:
    variables = {name for settings in SETTINGS for name in _names(settings)}
    assert ROWS.keys() - variables == ELSEWHERE


def test_the_defaults_are_the_ones_in_force() -> None:
    for name, field in AuthSettings.model_fields.items():
        row = ROWS[f"DOORWARD_{name.upper()}"]
        # The one name that both services have, with defaults of their own, is shown by its last row.
        if (
            isinstance(field.default, int)
            and not isinstance(field.default, bool)
            and name != "max_body_bytes"
        ):
            assert row == str(field.default), name
        if field.is_required():
            assert row == "required", name
