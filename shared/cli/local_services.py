"""The two services of ``doorward up``, with their settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.cli.child import Service
from shared.cli.installation import Secrets, resource_servers, sqlite_url
from shared.cli.listen import loopback_host
from shared.cli.resource_variables import variables_of
from shared.cli.set_up.saved import SetUp
from shared.cli.variables import without_effect
from shared.uris import is_loopback, split_absolute
from shared.well_known import PROTECTED_RESOURCE

if TYPE_CHECKING:
    from shared.cli.certificates import Certificates

ON_THIS_MACHINE = {
    "DOORWARD_OPEN_CLIENT_CREDENTIALS": "true",
    "DOORWARD_REGISTRATIONS_PER_HOUR": "36000",
    "DOORWARD_REGISTRATIONS_PER_MINUTE": "600",
    "DOORWARD_AUTHORIZATIONS_PER_MINUTE": "1500",
    "DOORWARD_LOGIN_WINDOW_S": "60",
}
"""Settings that differ from production, because nobody else reaches the services; may be overridden."""

ALWAYS = {
    # Introspection is cheap here, and without a cache a revocation applies to the next call.
    "DOORWARD_INTROSPECTION_CACHE_S": "0",
    "DOORWARD_LOG_FORMAT": "console",
}
BEHIND_TUNNEL = {"DOORWARD_TRUSTED_PROXIES": "127.0.0.0/8,::1/128"}
"""Settings behind a tunnel: its program on this machine says where requests come from."""

_NAMES = {"auth": "authorization server", "resource": "resource service"}


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a service listens.

    Attributes:
        command: ``auth`` or ``resource``.
    """

    command: str
    host: str
    port: int

    @classmethod
    def free(cls, command: str, port: int, host: str | None) -> Listener:
        """Return the listener on `host`, by default on the addresses of localhost.

        Raises:
            CommandError: something else listens on the port.
        """
        loopback = loopback_host(port, f"--{command}-port")
        return cls(command, host or loopback, port)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServices:
    """The services on this machine.

    Attributes:
        auth, resource_service: where they listen.
        redis: the URL of a Redis; None for a SQLite file.
        issuer, resource: the public URLs.
        setup_link: as in ``DOORWARD_SETUP_LINK``.
        certificates: with which the services serve https; None for http.
    """

    auth: Listener
    resource_service: Listener
    redis: str | None
    data_dir: Path
    issuer: str
    resource: str
    setup_link: str
    certificates: Certificates | None = None

    @property
    def public(self) -> bool:
        """Whether others can reach the services."""
        return not is_loopback(split_absolute(self.issuer))

    @property
    def store_url(self) -> str:
        """The store of the authorization server."""
        return self.redis or sqlite_url(self.data_dir / "auth.sqlite3")

    @property
    def secrets(self) -> Secrets:
        """The secrets in the data directory."""
        return Secrets.kept_in(self.data_dir / "secrets.json")

    def services(self, set_up: SetUp, environment: Mapping[str, str] = os.environ) -> list[Service]:
        """Return the services as they are started, with what was set up."""
        defaults = BEHIND_TUNNEL if self.public else ON_THIS_MACHINE
        settings = {**ALWAYS, **defaults, **set_up.settings(self.data_dir, environment), **environment}
        return [
            self._service(self.auth, settings, self._for_auth(settings)),
            self._service(self.resource_service, settings, self._for_resource(settings)),
        ]

    def _for_auth(self, settings: Mapping[str, str]) -> dict[str, str]:
        servers = resource_servers(self.resource, self.secrets.resource_secret, settings)
        if self.public:
            for described in servers[0]["resources"]:
                path = split_absolute(described["resource"]).path.removesuffix("/")
                described["metadata_url"] = (
                    f"http://localhost:{self.resource_service.port}{PROTECTED_RESOURCE}{path}"
                )
        return {
            "DOORWARD_ISSUER": self.issuer,
            "DOORWARD_STORE": self.store_url,
            "DOORWARD_MASTER_KEYS": self.secrets.master_keys,
            **variables_of(servers),
            "DOORWARD_SETUP_LINK": self.setup_link,
            # The password of the demo user is public.
            "DOORWARD_DEMO_USER": str(not self.public).lower(),
            "DOORWARD_ACCESS": settings.get("DOORWARD_ACCESS", "closed" if self.public else "open"),
        }

    def _for_resource(self, settings: Mapping[str, str]) -> dict[str, str]:
        return {
            "DOORWARD_ISSUER": self.issuer,
            "DOORWARD_RESOURCE": self.resource,
            "DOORWARD_RESOURCE_SECRET": self.secrets.resource_secret,
            "DOORWARD_NOTES": sqlite_url(self.data_dir / "notes.sqlite3"),
            "DOORWARD_JOURNAL_DIRECTORY": str(self.data_dir / "journal"),
            **self._introspection(),
            **_following_port(settings),
        }

    def _introspection(self) -> dict[str, str]:
        """Return the address of the authorization server on this machine, if the issuer leads around it."""
        if not self.public:
            return {}
        return {"DOORWARD_INTROSPECTION_ENDPOINT": f"http://localhost:{self.auth.port}/introspect"}

    def _service(self, listener: Listener, settings: dict[str, str], own: dict[str, str]) -> Service:
        arguments: tuple[str, ...] = (listener.command, "--port", str(listener.port), "--grace", "2")
        scheme, ca_file = "http", None
        if self.certificates is not None:
            scheme, ca_file = "https", self.certificates.authority
            files = self.certificates.certificate, self.certificates.key
            arguments += ("--certificate", str(files[0]), "--certificate-key", str(files[1]))
            own = {**own, **self.certificates.settings}
        return Service(
            name=_NAMES[listener.command],
            arguments=arguments,
            host=listener.host,
            environment=_own_settings(listener.command, {**settings, **own}),
            health_url=f"{scheme}://localhost:{listener.port}/health",
            log=self.data_dir / f"{listener.command}.log",
            ca_file=ca_file,
        )


def _following_port(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the port of the metrics of the resource service: the one after that of the other service."""
    port = environment.get("DOORWARD_METRICS_PORT", "")
    return {"DOORWARD_METRICS_PORT": str(int(port) + 1)} if port.isdecimal() else {}


def _own_settings(command: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Select the settings for a service: the resource service, which may run commands, gets no master key."""
    others = without_effect(f"{command}_service", environment)
    return {name: value for name, value in environment.items() if name not in others}
