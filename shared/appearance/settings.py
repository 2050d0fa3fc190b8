"""Settings of the appearance of the pages, read from the environment and validated before startup."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.appearance.colors import DARK, LIGHT, check_accent
from shared.appearance.logo_files import MAX_BYTES, Logo, check_logo

DEFAULT_NAME = "Doorward"


def _name(value: str) -> str:
    # Invisible characters could make the name look like another, or reverse the text around it.
    if not value.isprintable() or value != value.strip():
        raise ValueError("the name must not contain control characters, or begin or end with a space")
    return value


def _logo(value: object) -> object:
    return _read_logo(Path(value)) if isinstance(value, str | Path) else value


def _read_logo(path: Path) -> Logo:
    try:
        # A pipe or a device could block the start, or never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("the logo must be a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError("the logo cannot be read: no such file, or not permitted") from error
    return check_logo(data)


class AppearanceSettings(BaseSettings):
    """The name, logo and colors of the pages; names prefixed with ``DOORWARD_``.

    Attributes:
        site_name: shown instead of ``Doorward`` in titles and headers, passkeys and authenticator apps.
        logo: the path of a PNG or WebP file, which is read once.
        accent_color: ``#rrggbb``, the color of buttons and links on light pages.
        accent_color_dark: the same on dark pages.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOORWARD_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    site_name: Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_name)] = DEFAULT_NAME
    logo: Annotated[InstanceOf[Logo] | None, NoDecode, BeforeValidator(_logo)] = None
    accent_color: Annotated[str, AfterValidator(lambda value: check_accent(value, LIGHT))] | None = None
    accent_color_dark: Annotated[str, AfterValidator(lambda value: check_accent(value, DARK))] | None = None

    @model_validator(mode="after")
    def _both_schemes_have_an_accent(self) -> Self:
        if (self.accent_color is None) != (self.accent_color_dark is None):
            raise ValueError("accent_color and accent_color_dark must be set together")
        return self
