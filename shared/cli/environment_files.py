"""The two environment files of docker compose: for the authorization server, and for the resource service.

The resource service may run third-party commands, so its file must contain neither the master keys nor
the password of Redis.
"""

from __future__ import annotations

import hashlib
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from shared.cli import resource_variables
from shared.cli.console import CommandError
from shared.cli.installation import Secrets, resource_servers
from shared.setting_names import setting_names
from shared.well_known import PROTECTED_RESOURCE

IN_COMPOSE = "http://resource:9001"
"""The URL at which the authorization server of docker-compose.yml reaches the resource service."""

SUBNET = "10.187.43.0/24"
"""The subnet of the services; also the default in docker-compose.yml."""

RESOURCE_DEFAULTS = {
    "DOORWARD_INTROSPECTION_ENDPOINT": "http://auth:9000/introspect",
    "DOORWARD_INTROSPECTION_CACHE_S": "0",
    "DOORWARD_JOURNAL_DIRECTORY": "/var/lib/doorward/journal",
}
"""The settings of the resource service inside compose, unless the file sets others."""
NOTES = {"DOORWARD_NOTES": "sqlite:////var/lib/doorward/notes.sqlite3"}

_REQUIRED = ("DOORWARD_ISSUER", "DOORWARD_RESOURCE", "DOORWARD_RESOURCE_SECRET")


@dataclass(frozen=True, slots=True)
class Installation:
    """The settings from which both files are written.

    Attributes:
        environment: every setting of both services.
    """

    environment: Mapping[str, str]

    @classmethod
    def fresh(cls, issuer: str, resource: str, gateway: Mapping[str, str]) -> Self:
        """Create settings with new random secrets.

        Args:
            gateway: the settings of the resource service for its MCP servers; empty for the built-in one.
        """
        drawn, more = Secrets.fresh(), gateway
        servers = resource_servers(resource, drawn.resource_secret, more)
        # The plain variables are those of both services, and a mount is not at DOORWARD_RESOURCE.
        plain = "DOORWARD_MOUNTS" not in gateway
        described_by = resource_variables.variables_of if plain else resource_variables.as_json
        for described in servers[0]["resources"]:
            path = urlsplit(described["resource"]).path.removesuffix("/")
            described["metadata_url"] = f"{IN_COMPOSE}{PROTECTED_RESOURCE}{path}"
        return cls(
            {
                "DOORWARD_ISSUER": issuer,
                "DOORWARD_MASTER_KEYS": drawn.master_keys,
                "DOORWARD_RESOURCE": resource,
                "DOORWARD_RESOURCE_SECRET": drawn.resource_secret,
                **described_by(servers),
                "DOORWARD_REDIS_PASSWORD": secrets.token_urlsafe(32),
                **more,
            }
        )

    def with_setup_link(self, secret: str, *, expires_at: int) -> Self:
        """Return the settings with the digest of the link for the first administrator."""
        link = f"{hashlib.sha256(secret.encode()).hexdigest()}:{expires_at}"
        return replace(self, environment={**self.environment, "DOORWARD_SETUP_LINK": link})


def separate_files(installation: Installation) -> dict[str, str]:
    """Return the texts of files by name, with each secret in a file of its own, for systemd and Kubernetes.

    Nothing in them depends on docker compose. ``DOORWARD_STORE`` is missing: it is not drawn here.
    """
    environment = installation.environment
    resource = {"DOORWARD_RESOURCE", "DOORWARD_RESOURCE_NAME", "DOORWARD_RESOURCE_SCOPES"}
    for_auth = {
        name: value
        for name, value in environment.items()
        if name in resource | {"DOORWARD_ISSUER", "DOORWARD_SETUP_LINK"}
    }
    for_resource = {
        name: environment[name]
        for name in ("DOORWARD_ISSUER", "DOORWARD_RESOURCE", "DOORWARD_UPSTREAM", "DOORWARD_RESOURCE_NAME")
        if name in environment
    }
    return {
        "auth.env": _lines({**for_auth, "DOORWARD_ACCESS": "closed"}),
        "resource.env": _lines(for_resource),
        "master-keys": environment["DOORWARD_MASTER_KEYS"] + "\n",
        "resource-secret": environment["DOORWARD_RESOURCE_SECRET"] + "\n",
    }


def auth_file(installation: Installation, paths: Mapping[str, str]) -> str:
    """Return the text of the file that compose and the authorization server read.

    Args:
        paths: variables with the paths of the files, if they are not where compose looks by default.
    """
    resource = resource_variables.NAMES
    if resource_variables.JSON in installation.environment:
        resource = (resource_variables.JSON,)
    names = (
        "DOORWARD_ISSUER",
        "DOORWARD_MASTER_KEYS",
        *resource,
        "DOORWARD_REDIS_PASSWORD",
        "DOORWARD_SETUP_LINK",
    )
    settings = {name: installation.environment[name] for name in names if name in installation.environment}
    # Until the operator sets access rules, only administrators have access; see docs/how-to/access.md.
    settings["DOORWARD_ACCESS"] = "closed"
    network = {"DOORWARD_SUBNET": SUBNET, "DOORWARD_TRUSTED_PROXIES": SUBNET}
    return f"""\
# Settings of docker compose and of the authorization server: see docs/reference/configuration.md.
# Settings of the resource service belong in resource.env.
# This file is a secret: it is enough to read the store and to issue tokens.
{_lines(settings)}
# The network of the services. Proxies on this machine and in this network are trusted.
{_lines({**network, **paths})}"""


def resource_file(environment: Mapping[str, str]) -> str:
    """Return the text of the file that the resource service reads.

    Args:
        environment: the settings of both services, from `Installation` or from the single file of an earlier
            release.

    Raises:
        CommandError: a required setting is missing.
    """
    missing = [name for name in _REQUIRED if not environment.get(name)]
    if missing:
        raise CommandError(f"the environment file does not set {', '.join(missing)}")
    names = setting_names()
    alone = (names["resource_service"] | names["shared"]) - names["auth_service"] | {"DOORWARD_RESOURCE_NAME"}
    own = {name: value for name, value in environment.items() if name in alone and name not in _REQUIRED}
    notes = {} if own.keys() & {"DOORWARD_UPSTREAM", "DOORWARD_MOUNTS"} else NOTES
    required = {name: environment[name] for name in _REQUIRED}
    return f"""\
# Settings of the resource service: see docs/reference/configuration.md.
{_lines({**required, **RESOURCE_DEFAULTS, **notes, **own})}"""


def read_environment(file: Path) -> dict[str, str]:
    """Read the variables in `file` like a shell.

    Raises:
        CommandError: the file cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        tokens = [word for line in lines for word in shlex.split(line, comments=True)[:1]]
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    return dict(word.split("=", 1) for word in tokens if "=" in word)


def _lines(variables: Mapping[str, str]) -> str:
    return "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    # Both a shell and compose can read this; values that need quotes contain none.
    return value if shlex.quote(value) == value else f"'{value}'"
