"""What a verifier is told: as arguments, or by the environment, which the arguments win over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from pydantic import Field

from resource_service.settings import ResourceSettings


class VerifierSettings(ResourceSettings):
    """Those of the resource service; what is about its own MCP servers and pages has no effect here."""

    resource_name: str = Field(default="MCP server", min_length=1, max_length=100)

    @property
    def documentation_url(self) -> str | None:
        """There is no docs page of ours beside somebody else's server."""
        return self.resource_documentation


class SettingsKwargs(TypedDict, total=False):
    """The settings as arguments: see `ResourceSettings`. One that is left out is read from ``DOORWARD_…``."""

    resource: str
    issuer: str
    resource_secret: str
    resource_server_id: str
    introspection_endpoint: str
    introspection_timeout_s: float
    introspection_cache_s: int
    resource_name: str
    resource_documentation: str
    allowed_origins: Sequence[str]
    dpop_nonce: bool
    policy: Path | str
    signed_introspection: bool
    max_body_bytes: int


def settings_of(settings: SettingsKwargs) -> VerifierSettings:
    """What was given, and the environment for the rest.

    Raises:
        pydantic.ValidationError: a setting is missing or wrong; it says which.
    """
    arguments: dict[str, Any] = dict(settings)
    return VerifierSettings(**arguments)
