"""``doorward up``: run both services on this machine, as two processes like in production.

The services start first. What this process imports to check the settings and to wait, it imports meanwhile.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from shared.cli.child import Service
from shared.cli.console import CommandError, output
from shared.cli.local_services import Listener, LocalServices
from shared.cli.mount_options import JoinOption, MountOptions, mount_settings
from shared.cli.private_files import make_private_directory
from shared.cli.public_urls import check_public_urls
from shared.cli.set_up.listener import SetUpListener
from shared.cli.set_up.saved import SetUp
from shared.cli.store import check_store
from shared.cli.supervise import Replacement, supervise
from shared.cli.variables import complaints_about_names, refuse
from shared.clock import system_clock

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from shared.cli.certificates import Certificates
    from shared.cli.panel import Panel

REDIS_SCHEMES = ("redis://", "rediss://", "redis+sentinel://", "redis+cluster://")
SETUP_S = 7 * 86_400
Port = Annotated[int, typer.Option(min=1, max=65535)]


def up(
    *,
    auth_port: Port = 9000,
    resource_port: Port = 9001,
    set_up_port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Of the set-up page, until it is over; another one if it is used."
        ),
    ] = 9002,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on, instead of those of localhost. Only for a container whose ports are "
            "published on this machine alone: the demo user's password is known to everybody."
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(
            help="Behind a tunnel: the public URL of the authorization server. Without a demo user."
        ),
    ] = None,
    resource: Annotated[
        str | None, typer.Option(help="Behind a tunnel: the public URL of the MCP server.")
    ] = None,
    https: Annotated[
        bool,
        typer.Option("--https", help="Serve https, with an own certificate authority: see `doorward trust`."),
    ] = False,
    redis: Annotated[str | None, typer.Option(help="URL of a Redis, instead of the SQLite file.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Directory for state, secrets and logs.")] = Path(
        ".doorward"
    ),
    mount: MountOptions = None,
    join: JoinOption = False,
) -> None:
    """Start both services on this machine, with a demo user, and print the URL for clients."""
    _check_options(auth_port, resource_port, issuer, resource)
    os.environ.update(mount_settings(mount or [], join=join, environment=os.environ))
    if https and issuer is not None:
        raise CommandError("--https is for this machine; behind a tunnel, the tunnel serves https")
    _check_places(redis, data_dir)
    with _sole_user_of(data_dir):
        link = secrets.token_urlsafe(32)
        scheme = "https" if https else "http"
        local = LocalServices(
            auth=Listener.free("auth", auth_port, host),
            resource_service=Listener.free("resource", resource_port, host),
            redis=redis,
            data_dir=data_dir,
            issuer=issuer or f"{scheme}://localhost:{auth_port}",
            resource=resource or f"{scheme}://localhost:{resource_port}/mcp",
            certificates=_certificates(data_dir) if https else None,
            setup_link=f"{hashlib.sha256(link.encode()).hexdigest()}:{int(system_clock()) + SETUP_S}",
        )
        set_up = SetUp.kept_in(data_dir)
        services = local.services(set_up)
        asyncio.run(_run(local, services, link, set_up_port=set_up_port, host=host))
        output.print("Stopped", style="dim")


async def _run(
    local: LocalServices, services: list[Service], link: str, *, set_up_port: int, host: str | None
) -> None:
    set_up = SetUp.kept_in(local.data_dir)
    replacement = Replacement()
    listener = SetUpListener(local=local, link=link, restart=replacement.replace, port=set_up_port, host=host)
    page = ""
    async with AsyncExitStack() as stack:

        async def while_starting() -> None:
            nonlocal page
            _check_environments(services)
            output.print("Starting the authorization server and the resource service", style="dim")
            if not set_up.finished:
                page = await stack.enter_async_context(listener.listening())

        def on_ready() -> None:
            from shared.cli.panel import print_panel

            print_panel(output.console, _panel(local, set_up, page))

        await supervise(services, on_ready, replacement, while_starting)


def _panel(local: LocalServices, set_up: SetUp, page: str) -> Panel:
    from shared.cli.panel import Panel

    panel = Panel(issuer=local.issuer, resource=local.resource, kept_in=str(local.data_dir), set_up=page)
    if set_up.administrator or local.public:
        panel.login = set_up.administrator
    if local.certificates is not None:
        panel.trust = f"doorward trust --data-dir {shlex.quote(str(local.data_dir))}"
    return panel


def _certificates(data_dir: Path) -> Certificates:
    from shared.cli.certificates import certificates_in

    return certificates_in(data_dir)


def _check_options(auth_port: int, resource_port: int, issuer: str | None, resource: str | None) -> None:
    if auth_port == resource_port:
        raise CommandError(f"--auth-port and --resource-port are both {auth_port}; choose different ports")
    if (issuer is None) != (resource is None):
        raise CommandError("--issuer and --resource go together: both services need a public URL")
    if issuer is not None and resource is not None:
        check_public_urls(issuer, resource)


def _check_places(redis: str | None, data_dir: Path) -> None:
    if redis is not None:
        if not redis.startswith(REDIS_SCHEMES):
            raise CommandError(f"--redis must be a URL that begins with {', '.join(REDIS_SCHEMES)}")
        asyncio.run(check_store(redis, "--redis"))
    try:
        make_private_directory(data_dir)
    except OSError as error:
        raise CommandError(f"--data-dir {data_dir}: {error.strerror}") from error


def _check_environments(services: list[Service]) -> None:
    """Check the settings of both services, so that all errors are reported at once.

    Each service checks its own before it does anything, and is stopped if those of the other are wrong.
    """
    from auth_service.settings import AuthSettings
    from resource_service.settings import ResourceSettings
    from shared.cli.settings import complaints_about_values
    from shared.logs import LogSettings
    from shared.metrics.settings import MetricsSettings

    complaints = [*complaints_about_names(os.environ)]
    models: tuple[type[BaseSettings], ...] = (AuthSettings, ResourceSettings)
    for service, model in zip(services, models, strict=True):
        complaints += complaints_about_values(service.environment, model, LogSettings, MetricsSettings)
    refuse(list(dict.fromkeys(complaints)))


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
