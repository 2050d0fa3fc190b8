"""Settings of the metrics of both services."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MetricsSettings(BaseSettings):
    """Metrics settings, read from ``DOORWARD_METRICS_PORT`` and ``DOORWARD_METRICS_HOST``.

    Attributes:
        port: the port of the metrics; None measures nothing.
        host: the address to listen on.
    """

    model_config = SettingsConfigDict(env_prefix="DOORWARD_METRICS_", frozen=True, extra="ignore")

    port: int | None = Field(default=None, ge=1, le=65_535)
    host: str = "127.0.0.1"
