"""The settings of a verifier, from arguments or the environment; arguments take precedence."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from pydantic import Field

from resource_service.settings import ResourceSettings
from shared.setting_files import read_setting_files


class VerifierSettings(ResourceSettings):
    """The settings of the resource service; those about its MCP servers and pages have no effect here."""

    resource_name: str = Field(default="MCP server", min_length=1, max_length=100)

    @property
    def documentation_url(self) -> str | None:
        """The configured page for developers; another server has no docs page of ours."""
        return self.resource_documentation


class SettingsKwargs(TypedDict, total=False):
    """The settings as arguments: see `ResourceSettings`. Omitted ones are read from ``DOORWARD_…``."""

    resource: str
    issuer: str
    resource_secret: str
    resource_server_id: str
    introspection_endpoint: str
    introspection_timeout_s: float
    introspection_cache_s: int
    outage_grace_s: int
    resource_name: str
    resource_documentation: str
    allowed_origins: Sequence[str]
    dpop_nonce: bool
    resource_store: str
    journal_directory: Path | str
    journal_buffer_bytes: int
    journal_when_full: Literal["refuse", "drop"]
    policy: Path | str
    signed_introspection: bool
    max_body_bytes: int


def settings_of(settings: SettingsKwargs) -> VerifierSettings:
    """Combine the given arguments with the environment.

    Raises:
        pydantic.ValidationError: a setting is missing or invalid; the error names it.
    """
    read_setting_files(os.environ)
    arguments: dict[str, Any] = dict(settings)
    return VerifierSettings(**arguments)
