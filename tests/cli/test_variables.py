"""Which variables are ours, and what is said about those that only look so (OP-2)."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydantic_settings import BaseSettings
from typer.main import get_command

from resource_service.gateway.environment import environment_for
from resource_service.principal import Principal
from shared.cli.commands import leaves
from shared.cli.main import app
from shared.cli.variables import COMPOSE, OF_OPTIONS, complaints_about_names, without_effect
from shared.setting_names import PACKAGES, setting_names
from tests.cli.command import ROOT

pytestmark = pytest.mark.requirement("OP-2")

MODELS = (
    "shared.appearance.settings",
    "auth_service.resource_settings",
    "auth_service.settings",
    "resource_service.settings",
    "resource_service.verifiers.settings",
    "shared.logs",
    "shared.metrics.settings",
    "shared.traces.settings",
)


def complaints(**environment: str) -> list[str]:
    return complaints_about_names(environment)


def models(model: type[BaseSettings] = BaseSettings) -> Iterator[type[BaseSettings]]:
    """Every settings model of the project."""
    for inner in model.__subclasses__():
        if inner.__module__.partition(".")[0] in PACKAGES:
            yield inner
        yield from models(inner)


def test_the_names_are_those_of_the_models() -> None:
    for module in MODELS:
        importlib.import_module(module)
    # One without a prefix of its own is only there to be inherited from.
    read = {
        f"{model.model_config['env_prefix']}{name}".upper()
        for model in models()
        if model.model_config.get("env_prefix")
        for name in model.model_fields
    }
    assert frozenset().union(*setting_names().values()) == read


def test_every_file_with_a_settings_model_is_imported_by_this_test() -> None:
    variables = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"^from pydantic_settings import .*SettingsConfigDict", path.read_text(), re.MULTILINE)
    }
    assert variables <= set(MODELS)


def test_what_compose_reads_is_known() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"\$\{(DOORWARD_\w+)", text))
    own = frozenset().union(*setting_names().values())
    assert read - own == COMPOSE


def test_the_variables_of_options_are_recognized() -> None:
    read = {
        variable
        for _, command in leaves(get_command(app))
        for parameter in command.params
        for variable in ([parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or ())
    }
    assert read - frozenset().union(*setting_names().values()) == OF_OPTIONS


def test_what_the_gateway_tells_its_commands_is_known() -> None:
    environment = environment_for(
        Principal(issuer="i", client_id="c", subject="s", scopes=(), expires_at=1), {}
    )
    assert (
        complaints(**{name: value for name, value in environment.items() if name.startswith("DOORWARD_")})
        == []
    )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("DOORWARD_REGISTRATON", "DOORWARD_REGISTRATION"),
        ("DOORWARD_ISUER", "DOORWARD_ISSUER"),
        ("DOORWARD_TRUSTED_PROXY", "DOORWARD_TRUSTED_PROXIES"),
        ("DOORWARD_UPSTREAMS", "DOORWARD_UPSTREAM"),
        ("DOORWARD_ACCESS_TTL", "DOORWARD_ACCESS_TTL_S"),
        ("DOORWARD_LOGLEVEL", "DOORWARD_LOG_LEVEL"),
        ("doorward_registraton", "DOORWARD_REGISTRATION"),
        ("DOORWRD_ISSUER", "DOORWARD_ISSUER"),
        ("DOORWARDS_STORE", "DOORWARD_STORE"),
    ],
)
def test_the_nearest_name_is_offered(name: str, nearest: str) -> None:
    [complaint] = complaints(**{name: "a secret"})
    assert complaint == f"{name}: there is no such setting; did you mean {nearest}?"


@pytest.mark.parametrize("name", ["DOORWARDEN_TOKEN", "PATH", "DOOR_ISSUER", "MY_DOORWARD_ISSUER"])
def test_variables_of_others_are_left_alone(name: str) -> None:
    assert complaints(**{name: "x"}) == []


def test_where_nothing_is_near_the_list_is_named() -> None:
    [complaint] = complaints(DOORWARD_QQQQQQ="x")
    assert (
        complaint
        == "DOORWARD_QQQQQQ: there is no such setting; docs/reference/configuration.md lists all settings"
    )


@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_settings_options_and_what_compose_reads_may_stand_in_one_environment(case: type[str]) -> None:
    names = frozenset().union(*setting_names().values(), COMPOSE, {"DOORWARD_WORKERS"})
    assert complaints(**{case(name): "1" for name in names}) == []


def test_service_links_of_kubernetes_are_explained_once_for_each_service() -> None:
    links = {
        f"DOORWARD_{service}_{name}": value
        for service in ("AUTH", "RESOURCE")
        for name, value in {
            "PORT": "tcp://10.0.0.1:9000",
            "PORT_9000_TCP": "tcp://10.0.0.1:9000",
            "PORT_9000_TCP_ADDR": "10.0.0.1",
            "PORT_9000_TCP_PORT": "9000",
            "PORT_9000_TCP_PROTO": "tcp",
            "SERVICE_HOST": "10.0.0.1",
            "SERVICE_PORT": "9000",
            "SERVICE_PORT_HTTP": "9000",
        }.items()
    }
    auth, resource = complaints(**links)
    assert auth.startswith(
        "DOORWARD_AUTH_PORT and 7 more: Kubernetes sets this for the Service doorward-auth"
    )
    assert "doorward-resource" in resource
    assert "enableServiceLinks: false" in auth
    assert complaints(DOORWARD_AUTH_PORT="9100") == []


def test_a_setting_of_the_other_service_alone_has_no_effect() -> None:
    both = {"DOORWARD_ISSUER", "DOORWARD_LOG_LEVEL", "DOORWARD_BIND"}
    assert without_effect("auth_service", {*both, "DOORWARD_UPSTREAM"}) == ["DOORWARD_UPSTREAM"]
    assert without_effect("resource_service", {*both, "DOORWARD_MASTER_KEYS"}) == ["DOORWARD_MASTER_KEYS"]


def test_what_an_image_is_given_at_build_has_the_names_of_both_services() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "shared.setting_names"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {name: frozenset(names) for name, names in json.loads(run.stdout).items()} == setting_names()
