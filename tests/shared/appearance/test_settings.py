"""The settings of the appearance."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from auth_service.settings import AuthSettings
from resource_service.settings import ResourceSettings
from shared.appearance.settings import AppearanceSettings
from shared.cli.settings import complaints_about_values
from tests.shared.appearance.images import png

pytestmark = pytest.mark.requirement("ID-11")

RED = {"DOORWARD_ACCENT_COLOR": "#b3261e", "DOORWARD_ACCENT_COLOR_DARK": "#ff8a80"}


def complaints(**environment: str) -> list[str]:
    return complaints_about_values(environment, AppearanceSettings)


def test_the_appearance_is_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "logo.bin"
    file.write_bytes(png())
    for name, value in {"DOORWARD_SITE_NAME": "Example & Söhne", "DOORWARD_LOGO": str(file), **RED}.items():
        monkeypatch.setenv(name, value)
    settings = AppearanceSettings()
    assert settings.logo
    assert (settings.site_name, settings.logo.media_type) == ("Example & Söhne", "image/png")
    assert (settings.accent_color, settings.accent_color_dark) == ("#b3261e", "#ff8a80")


def test_an_unreadable_color_is_refused_in_one_sentence_with_the_ratio() -> None:
    assert complaints(**{**RED, "DOORWARD_ACCENT_COLOR": "#ff0000"}) == [
        "DOORWARD_ACCENT_COLOR: the contrast with the background (#f4f3ee) is 3.59:1, "
        "but must be at least 4.5:1"
    ]


@pytest.mark.parametrize("service", [AuthSettings, ResourceSettings])
def test_each_service_complains_about_an_unreadable_color_once(service: type[AppearanceSettings]) -> None:
    named = complaints_about_values({**RED, "DOORWARD_ACCENT_COLOR": "#ff0000"}, service)
    assert [complaint for complaint in named if "COLOR" in complaint] == [
        "DOORWARD_ACCENT_COLOR: the contrast with the background (#f4f3ee) is 3.59:1, "
        "but must be at least 4.5:1"
    ]


@pytest.mark.parametrize("name", RED)
def test_one_color_without_the_other_is_refused(name: str) -> None:
    assert complaints(**{name: RED[name]}) == ["accent_color and accent_color_dark must be set together"]


@pytest.mark.parametrize("name", ["", "x" * 41, " x", "x ", "a\nb", "a\u202eb", "a\u200bb", "a\x1b[1m"])
def test_a_name_that_is_empty_long_or_has_invisible_characters_is_refused(name: str) -> None:
    (complaint,) = complaints(DOORWARD_SITE_NAME=name)
    assert complaint.startswith("DOORWARD_SITE_NAME: ")


def test_a_logo_that_is_not_a_readable_image_is_refused(tmp_path: Path) -> None:
    pipe, text = tmp_path / "pipe", tmp_path / "logo.png"
    os.mkfifo(pipe)
    text.write_text("<svg/>")
    reasons = {
        tmp_path / "missing.png": "the logo cannot be read: no such file, or not permitted",
        tmp_path: "the logo must be a regular file",
        pipe: "the logo must be a regular file",
        Path("/dev/zero"): "the logo must be a regular file",
        text: "the logo must be a PNG or WebP image",
    }
    for path, reason in reasons.items():
        assert complaints(DOORWARD_LOGO=str(path)) == [f"DOORWARD_LOGO: {reason}"]


@pytest.mark.parametrize(
    "invalid",
    [{"accent_color": "#ff0000", "accent_color_dark": "#ff8a80"}, {"logo": "/missing"}, {"site_name": ""}],
)
@pytest.mark.parametrize("service", [AuthSettings, ResourceSettings])
def test_both_services_refuse_to_start_with_them(
    service: type[AppearanceSettings], invalid: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as refusal:
        service(**invalid)
    assert {*invalid} & {str(error["loc"][0]) for error in refusal.value.errors() if error["loc"]}
