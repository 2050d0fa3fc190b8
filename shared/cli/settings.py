"""Report errors in the environment before a service starts, without printing values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsError

from shared.cli.setting_messages import EMPTY, message_of, place_in
from shared.cli.variables import complaints_about_names, refuse


def check_settings(*models: type[BaseSettings], names: bool = False) -> None:
    """Check that `models` can be read from the environment.

    Args:
        names: whether to check the names of variables, too, for a command that leaves that to this function.

    Raises:
        CommandError: names every invalid variable and the reason, but no value, which may be secret.
    """
    unknown = complaints_about_names(os.environ) if names else []
    refuse([*unknown, *complaints_about_values(os.environ, *models)])


def complaints_about_values(environment: Mapping[str, str], *models: type[BaseSettings]) -> list[str]:
    """List the errors that `models` find in `environment`, one sentence each."""
    with _environment(environment):
        return list(dict.fromkeys(text for model in models for text in _complaints_about(model, environment)))


def _complaints_about(model: type[BaseSettings], environment: Mapping[str, str]) -> list[str]:
    """List the errors of a model; of values in quotation marks only that: the others follow."""
    prefix = model.model_config.get("env_prefix", "")
    names = [f"{prefix}{name}".upper() for name in model.model_fields]
    quoted = [name for name in names if _is_quoted(environment.get(name, ""))]
    if not quoted:
        return list(_complaints(model))
    return [f"{name}: the quotation marks are a part of the value; remove them" for name in quoted]


def _is_quoted(value: str) -> bool:
    # `docker run --env-file` keeps them. No valid value begins and ends with one.
    return len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"


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


def _complaints(model: type[BaseSettings]) -> Iterator[str]:
    try:
        model()
    except ValidationError as error:
        details = error.errors()
        for each in details:
            if not _follows(each, details):
                yield _complaint(model, each)
    except SettingsError as error:
        yield f"the settings cannot be read: {error}"


def _follows(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Whether an error only follows from another: a default that needs it, or a list without its entries."""
    location = error["loc"]
    if error["type"] == "default_factory_not_called":
        return True
    inside = (other["loc"] for other in errors if len(other["loc"]) > len(location))
    return any(other[: len(location)] == location for other in inside)


def _complaint(settings: type[BaseSettings], error: ErrorDetails) -> str:
    location = error["loc"]
    variable = f"{settings.model_config.get('env_prefix', '')}{location[0]}".upper() if location else ""
    message = message_of(error, stored_in_url=variable.endswith("_STORE"))
    if not location or message.startswith("DOORWARD_"):
        return message  # of several settings, or of the one that it names
    if os.environ.get(variable) == "":
        message = EMPTY
    return f"{variable}{place_in(location[1:])}: {message}"
