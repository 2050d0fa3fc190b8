"""Report errors in the environment before a service starts, without printing values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from shared.cli.console import CommandError
from shared.cli.variables import complaints_about_names


def check_settings(*models: type[BaseSettings], context: typer.Context | None = None) -> None:
    """Check that `models` can be read from the environment.

    Args:
        context: of a command that leaves the check of variable names to this function.

    Raises:
        CommandError: names every invalid variable and the reason, but no value, which may be secret.
    """
    names = complaints_about_names(os.environ, context.find_root().command) if context else []
    refuse([*names, *complaints_about_values(os.environ, *models)])


def complaints_about_values(environment: Mapping[str, str], *models: type[BaseSettings]) -> list[str]:
    """List the errors that `models` find in `environment`, one sentence each."""
    with _environment(environment):
        return list(dict.fromkeys(text for model in models for text in _complaints(model)))


@contextmanager
def _environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Replace this process's environment, which the settings models read, with `environment`."""
    before, wanted = dict(os.environ), dict(environment)
    try:
        os.environ.clear()
        os.environ.update(wanted)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def refuse(complaints: Sequence[str]) -> None:
    """Raise a `CommandError` if there are complaints: one sentence, or one line for each."""
    if len(complaints) == 1:
        raise CommandError(complaints[0])
    if complaints:
        raise CommandError("\n  ".join((f"{len(complaints)} settings are invalid:", *complaints)))


def _complaints(model: type[BaseSettings]) -> Iterator[str]:
    try:
        model()
    except ValidationError as error:
        for details in error.errors():
            yield _complaint(model, details["loc"], details["msg"].removeprefix("Value error, "))
    except SettingsError as error:
        yield f"the settings cannot be read: {error}"


def _complaint(settings: type[BaseSettings], location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message
    variable = f"{settings.model_config.get('env_prefix', '')}{location[0]}".upper()
    inside = "".join(f"[{part}]" for part in location[1:])
    return f"{variable}{inside}: {message}"
