"""The resource service in one process, with and without the journal of calls, for comparison."""

from __future__ import annotations

from unittest.mock import patch

from starlette.types import ASGIApp

from resource_service.journal.call_journal import no_journal
from resource_service.main import create_app_from_environment


def recorded() -> ASGIApp:
    """Return the service as it is, with settings from the environment."""
    return create_app_from_environment()


def unrecorded() -> ASGIApp:
    """Return the service without the journal, which no setting turns off."""
    with patch("resource_service.components.call_journal", lambda _, clock: no_journal(clock)):
        return create_app_from_environment()
