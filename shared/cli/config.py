"""``doorward config``: check and show the settings of a service, without starting it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Literal, get_args

import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from shared.cli.console import AsJson, output, print_json, printable
from shared.cli.serve import check_resource_settings, require
from shared.cli.settings import check_settings
from shared.cli.store import check_store_url
from shared.logs import LogSettings
from shared.metrics.settings import MetricsSettings
from shared.traces.settings import TracesSettings

config = typer.Typer(help="The settings of a service, without starting it.", no_args_is_help=True)

Service = Literal["auth", "resource"]
OfService = Annotated[Service, typer.Argument(help="The authorization server, or the resource service.")]

HIDDEN = "(hidden)"
# Up to the last @, as for the store: a password may contain others, and spaces.
_CREDENTIALS = re.compile(r"(?<=//)[^/?]*@")


@dataclass(frozen=True)
class Setting:
    """A setting as it is shown.

    Attributes:
        name: of the variable.
        value: as text; `HIDDEN`, or without credentials, where it is secret.
        source: ``environment`` or ``default``.
    """

    name: str
    value: str
    source: Literal["environment", "default"]


@config.command()
def check(service: OfService) -> None:
    """Name everything that is wrong with the settings of a service; the exit status is 0 if nothing is."""
    _check(service)
    output.print("the settings are valid")


@config.command()
def show(service: OfService, *, as_json: AsJson = False) -> None:
    """Print the settings of a service with their values, except for secrets."""
    _check(service)
    settings = [each for model in _models(service) for each in settings_of(model)]
    if as_json:
        print_json(map(asdict, settings))
        return
    for each in sorted(settings, key=lambda each: (each.source != "environment", each.name)):
        comment = "  # default" if each.source == "default" else ""
        output.print(f"{each.name}={printable(each.value)}{comment}", markup=False)


def _check(service: Service) -> None:
    require(f"{service}_service")
    if service == "resource":
        check_resource_settings()
        return
    check_settings(*_models(service), names=True)
    check_store_url(os.environ["DOORWARD_STORE"])


def _models(service: Service) -> tuple[type[BaseSettings], ...]:
    if service == "auth":
        from auth_service.settings import AuthSettings

        return (AuthSettings, LogSettings, MetricsSettings, TracesSettings)
    from resource_service.settings import ResourceSettings

    return (ResourceSettings, LogSettings, MetricsSettings, TracesSettings)


def settings_of(model: type[BaseSettings]) -> Iterator[Setting]:
    """Yield the settings of a model whose values are valid."""
    values = model()
    environment = {name.upper(): value for name, value in os.environ.items()}
    for name, field in model.model_fields.items():
        variable = f"{model.model_config.get('env_prefix', '')}{name}".upper()
        text = environment.get(variable)
        source: Literal["environment", "default"] = "default" if text is None else "environment"
        # A secret by default follows from other variables, which are in the list.
        default = field.default if is_secret(field) else getattr(values, name)
        text = _text(default) if text is None else text
        yield Setting(variable, HIDDEN if text and is_secret(field) else _CREDENTIALS.sub("", text), source)


def _text(value: object) -> str:
    """Return a default as one would write it in the environment."""
    if value is None or value == () or value == frozenset():
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | frozenset):
        return ",".join(sorted(map(str, value)))
    return str(value)


def is_secret(field: FieldInfo) -> bool:
    """Whether a value of the field contains a secret, at any depth."""
    return _contains_secret(field.annotation, set())


def _contains_secret(annotation: object, seen: set[object]) -> bool:
    if annotation is SecretStr:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        return any(_contains_secret(each.annotation, seen) for each in annotation.model_fields.values())
    return any(_contains_secret(each, seen) for each in get_args(annotation))
