"""``doorward up``: run both services on this machine, as two processes like in production."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer
from pydantic_settings import BaseSettings

from shared.cli.child import Service
from shared.cli.console import CommandError, output
from shared.cli.installation import Secrets, resource_servers, sqlite_url
from shared.cli.listen import loopback_host
from shared.cli.panel import print_panel
from shared.cli.private_files import make_private_directory
from shared.cli.settings import complaints_about_values, refuse
from shared.cli.store import check_store
from shared.cli.supervise import supervise
from shared.cli.variables import complaints_about_names, without_effect
from shared.logs import LogSettings
from shared.metrics.settings import MetricsSettings

REDIS_SCHEMES = ("redis://", "rediss://", "redis+sentinel://", "redis+cluster://")
Port = Annotated[int, typer.Option(min=1, max=65535)]

ON_THIS_MACHINE = {
    "DOORWARD_OPEN_CLIENT_CREDENTIALS": "true",
    "DOORWARD_REGISTRATIONS_PER_HOUR": "36000",
    "DOORWARD_REGISTRATIONS_PER_MINUTE": "600",
    "DOORWARD_AUTHORIZATIONS_PER_MINUTE": "1500",
    "DOORWARD_LOGIN_WINDOW_S": "60",
    # Introspection is cheap here, and without a cache a revocation applies to the next call.
    "DOORWARD_INTROSPECTION_CACHE_S": "0",
    "DOORWARD_LOG_FORMAT": "console",
}
"""Settings that differ from production, because nobody else reaches the services; may be overridden."""


def up(
    context: typer.Context,
    *,
    auth_port: Port = 9000,
    resource_port: Port = 9001,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on, instead of those of localhost. Only for a container whose ports are "
            "published on this machine alone: the demo user's password is known to everybody."
        ),
    ] = None,
    redis: Annotated[str | None, typer.Option(help="URL of a Redis, instead of the SQLite file.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Directory for state, secrets and logs.")] = Path(
        ".doorward"
    ),
) -> None:
    """Start both services on this machine, with a demo user, and print the URL for clients."""
    _check_options(auth_port, resource_port, redis, data_dir)
    with _sole_user_of(data_dir):
        issuer, resource = f"http://localhost:{auth_port}", f"http://localhost:{resource_port}/mcp"
        services = [
            _auth_service(issuer, resource=resource, port=auth_port, redis=redis, data_dir=data_dir),
            _resource_service(issuer, resource, resource_port, data_dir),
        ]
        if host is not None:
            services = [each.listening_on(host) for each in services]
        _check_environments(services, context)

        def say_so() -> None:
            print_panel(output, issuer=issuer, resource=resource, kept_in=str(data_dir))

        output.print("Starting the authorization server and the resource service", style="dim")
        asyncio.run(supervise(services, say_so))
        output.print("Stopped", style="dim")


def _check_options(auth_port: int, resource_port: int, redis: str | None, data_dir: Path) -> None:
    if auth_port == resource_port:
        raise CommandError(f"--auth-port and --resource-port are both {auth_port}; choose different ports")
    if redis is not None:
        if not redis.startswith(REDIS_SCHEMES):
            raise CommandError(f"--redis must be a URL that begins with {', '.join(REDIS_SCHEMES)}")
        asyncio.run(check_store(redis, "--redis"))
    try:
        make_private_directory(data_dir)
    except OSError as error:
        raise CommandError(f"--data-dir {data_dir}: {error.strerror}") from error


def _check_environments(services: list[Service], context: typer.Context) -> None:
    """Check the settings of both services before either starts, so that all errors are reported at once."""
    from auth_service.settings import AuthSettings
    from resource_service.settings import ResourceSettings

    complaints = [*complaints_about_names(os.environ, context.find_root().command)]
    models: tuple[type[BaseSettings], ...] = (AuthSettings, ResourceSettings)
    for service, model in zip(services, models, strict=True):
        complaints += complaints_about_values(service.environment, model, LogSettings, MetricsSettings)
    refuse(list(dict.fromkeys(complaints)))


def _auth_service(issuer: str, *, resource: str, port: int, redis: str | None, data_dir: Path) -> Service:
    secrets = Secrets.kept_in(data_dir / "secrets.json")
    return _service(
        "auth",
        port,
        data_dir,
        DOORWARD_ISSUER=issuer,
        DOORWARD_STORE=redis or sqlite_url(data_dir / "auth.sqlite3"),
        DOORWARD_MASTER_KEYS=secrets.master_keys,
        DOORWARD_RESOURCE_SERVERS=json.dumps(resource_servers(resource, secrets.resource_secret, os.environ)),
        DOORWARD_DEMO_USER="true",
        DOORWARD_ACCESS=os.environ.get("DOORWARD_ACCESS", "open"),
    )


def _resource_service(issuer: str, resource: str, port: int, data_dir: Path) -> Service:
    secrets = Secrets.kept_in(data_dir / "secrets.json")
    return _service(
        "resource",
        port,
        data_dir,
        DOORWARD_ISSUER=issuer,
        DOORWARD_RESOURCE=resource,
        DOORWARD_RESOURCE_SECRET=secrets.resource_secret,
        DOORWARD_NOTES=sqlite_url(data_dir / "notes.sqlite3"),
        DOORWARD_JOURNAL_DIRECTORY=str(data_dir / "journal"),
        **_following_port(os.environ),
    )


def _following_port(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the port of the metrics of the resource service: the one after that of the other service."""
    port = environment.get("DOORWARD_METRICS_PORT", "")
    return {"DOORWARD_METRICS_PORT": str(int(port) + 1)} if port.isdecimal() else {}


_NAMES = {"auth": "authorization server", "resource": "resource service"}


def _service(command: str, port: int, data_dir: Path, **settings: str) -> Service:
    host = loopback_host(port, f"--{command}-port")
    return Service(
        name=_NAMES[command],
        arguments=(command, "--port", str(port), "--grace", "2"),
        host=host,
        environment={**_own_settings(command, {**ON_THIS_MACHINE, **os.environ}), **settings},
        health_url=f"http://localhost:{port}/health",
        log=data_dir / f"{command}.log",
    )


def _own_settings(command: str, environment: dict[str, str]) -> dict[str, str]:
    """Select the settings for a service: the resource service, which may run commands, gets no master key."""
    others = without_effect(f"{command}_service", environment)
    return {name: value for name, value in environment.items() if name not in others}


@contextmanager
def _sole_user_of(data_dir: Path) -> Iterator[None]:
    with _lock_file(data_dir) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"another `doorward up` uses {data_dir}; choose another directory with --data-dir"
            ) from None
        yield


def _lock_file(data_dir: Path) -> TextIO:
    try:
        return (data_dir / "lock").open("w")
    except OSError as error:
        raise CommandError(f"--data-dir {data_dir}: {error.strerror}") from error
