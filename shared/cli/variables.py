"""Find variables with names like settings that are not settings: no misspelled setting may be ignored."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from shared.cli import resource_variables
from shared.cli.console import CommandError
from shared.compatibility import RENAMED_SETTINGS
from shared.setting_files import complaints_about_files, names_of_files
from shared.setting_names import PREFIX, setting_names

COMPOSE = frozenset(
    {
        "DOORWARD_AUTH_IMAGE",
        "DOORWARD_AUTH_PORT",
        "DOORWARD_BIND",
        "DOORWARD_ENV_FILE",
        "DOORWARD_REDIS_PASSWORD",
        "DOORWARD_RESOURCE_ENV_FILE",
        "DOORWARD_RESOURCE_IMAGE",
        "DOORWARD_RESOURCE_PORT",
        "DOORWARD_SUBNET",
    }
)
"""Variables of `docker-compose.yml`: not settings of a service, but in the same file."""

GIVEN_TO_COMMANDS = frozenset(
    {"DOORWARD_SUBJECT", "DOORWARD_CLIENT", "DOORWARD_SCOPES", "DOORWARD_USERNAME", "DOORWARD_IDENTITY"}
)
"""Variables that the stdio gateway sets for its commands, which may run this one."""

OF_OPTIONS = frozenset({"DOORWARD_DOCTOR_CLIENT_SECRET", "DOORWARD_WORKERS"})
"""Variables that set options of commands, and are not settings."""

SERVICES = {"auth_service": "authorization server", "resource_service": "resource service"}

# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK = re.compile(
    r"(?P<service>DOORWARD(_\w+?)?)_"
    r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)\Z"
)
_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")
_CLOSE = 0.6


def complaints_about_names(environment: Mapping[str, str]) -> list[str]:
    """List the errors in the variable names of `environment`, one sentence each, without values."""
    recognized = COMPOSE.union(GIVEN_TO_COMMANDS, OF_OPTIONS, *setting_names().values())
    in_files = names_of_files()
    suspects = sorted(
        name
        for name in environment
        if name.upper() not in recognized | in_files or _is_link(name, environment)
    )
    links = defaultdict(list)
    complaints = [*complaints_about_files(environment)]
    for name in suspects:
        if service := _service_of(name, environment, recognized):
            links[service].append(name)
        elif name.upper().startswith(PREFIX) or _misspelled_prefix(name, recognized):
            complaints.append(_unknown(name, recognized | in_files))
    return [*complaints, *(_linked(service, names) for service, names in links.items())]


def refuse(complaints: Sequence[str]) -> None:
    """Raise a `CommandError` if there are complaints: one sentence, or one line for each."""
    if len(complaints) == 1:
        raise CommandError(complaints[0])
    if complaints:
        raise CommandError("\n  ".join((f"{len(complaints)} settings are invalid:", *complaints)))


def without_effect(package: str, environment: Iterable[str]) -> list[str]:
    """List the names in `environment` that are settings only of a service other than `package`."""
    environment = list(environment)
    names = setting_names()
    own = names.get(package, frozenset()) | names["shared"]
    if package == "auth_service" and resource_variables.JSON in environment:
        own -= set(resource_variables.NAMES)
    others = frozenset().union(*(names.get(service, frozenset()) for service in SERVICES))
    return sorted(name for name in environment if name.upper() in others - own)


def _is_link(name: str, environment: Mapping[str, str]) -> bool:
    return bool(_SERVICE_LINK.match(name) and _LINK_VALUE.match(environment[name]))


def _service_of(name: str, environment: Mapping[str, str], recognized: frozenset[str]) -> str | None:
    match = _SERVICE_LINK.match(name)
    if not match or (name in recognized and not _is_link(name, environment)):
        return None
    return match["service"].lower().replace("_", "-")


def _misspelled_prefix(name: str, recognized: frozenset[str]) -> bool:
    prefix, _, rest = name.upper().partition("_")
    alike = difflib.SequenceMatcher(None, f"{prefix}_", PREFIX).ratio() > 0.8
    return alike and f"{PREFIX}{rest}" in recognized


def _unknown(name: str, recognized: frozenset[str]) -> str:
    # Without the prefix, which would make all names similar.
    rests = [each.removeprefix(PREFIX) for each in recognized]
    rest = name.upper().removeprefix(PREFIX)
    rest = rest if name.upper().startswith(PREFIX) else rest.partition("_")[2]
    if new_name := RENAMED_SETTINGS.get(name.upper()):
        return f"{name}: this setting is now {new_name}"
    nearest = difflib.get_close_matches(rest, rests, n=1, cutoff=_CLOSE)
    every = "docs/reference/configuration.md lists all settings"
    advice = f"did you mean {PREFIX}{nearest[0]}?" if nearest else every
    return f"{name}: there is no such setting; {advice}"


def _linked(service: str, names: list[str]) -> str:
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return (
        f"{names[0]}{others}: Kubernetes sets this for the Service {service}; it is not a setting. "
        "Set enableServiceLinks: false in the pod's spec"
    )
