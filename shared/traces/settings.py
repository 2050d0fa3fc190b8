"""Settings of the traces of both services."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must be an http or https URL, such as http://collector:4318/v1/traces")
    return text


class TracesSettings(BaseSettings):
    """Traces settings, read from ``DOORWARD_TRACES_…``.

    Attributes:
        endpoint: the URL at which a collector accepts OTLP over HTTP; None traces nothing.
        ratio: of the requests that begin a trace here, those that are recorded.
        per_second: the requests that one process records at most, of those that begin a trace here; twice as
            many of those that are a part of a caller's trace.
    """

    model_config = SettingsConfigDict(env_prefix="DOORWARD_TRACES_", frozen=True, extra="ignore")

    endpoint: Annotated[str, AfterValidator(_http_url)] | None = None
    ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    per_second: float = Field(default=10.0, ge=1.0, le=10_000.0)
