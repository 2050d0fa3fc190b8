"""Says what is wrong with the environment before a service starts, and never what stands in it."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from shared.cli.console import CommandError


def check_settings(settings: type[BaseSettings]) -> None:
    """See whether the service can read its settings.

    Raises:
        CommandError: it cannot. Names each variable and what is wrong, never a value: it may be secret.
    """
    try:
        settings()
    except ValidationError as error:
        complaints = [
            _complaint(settings, details["loc"], details["msg"].removeprefix("Value error, "))
            for details in error.errors()
        ]
        raise CommandError("\n  ".join(("the settings do not fit together:", *complaints))) from None
    except SettingsError as error:
        raise CommandError(f"the settings cannot be read: {error}") from None


def _complaint(settings: type[BaseSettings], location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message
    variable = f"{settings.model_config.get('env_prefix', '')}{location[0]}".upper()
    inside = "".join(f"[{part}]" for part in location[1:])
    return f"{variable}{inside}: {message}"
