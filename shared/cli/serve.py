"""``doorward auth`` and ``doorward resource``: run one service in the foreground, as in production."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.console import CommandError
from shared.cli.listen import check_address, own_url
from shared.cli.mount_options import JoinOption, MountOptions, mounted
from shared.cli.settings import check_settings
from shared.cli.store import check_store, check_store_url
from shared.cli.variables import without_effect
from shared.logs import LogSettings, configure_logs, get_logger
from shared.metrics.settings import MetricsSettings
from shared.observing import is_observing
from shared.prctl import forbid_inspection
from shared.traces.settings import TracesSettings

if TYPE_CHECKING:
    from resource_service.settings import ResourceSettings
    from shared.asgi.direct_protocol import DirectProtocol

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535)]
Workers = Annotated[
    int, typer.Option(min=1, envvar="DOORWARD_WORKERS", help="Processes that share the port.")
]
Grace = Annotated[int, typer.Option(min=0, help="Seconds to wait for open requests when stopped.")]

MAX_TEMPORARY_PATH = 55
"""The longest path of a temporary folder, in bytes, below which workers can have their sockets: the path of a
socket may have 107 bytes on Linux, and 103 elsewhere."""

CertificateFile = Annotated[str | None, typer.Option("--certificate", hidden=True)]
CertificateKeyFile = Annotated[str | None, typer.Option("--certificate-key", hidden=True)]
Leash = Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)]


@dataclass(frozen=True, slots=True)
class Tls:
    """The files with which a service of ``doorward up --https`` serves; None for http."""

    certificate: str | None
    key: str | None


def auth(
    *,
    host: Host = "127.0.0.1",
    port: Port = 9000,
    workers: Workers = 1,
    grace: Grace = 10,
    leash: Leash = False,
    certificate: CertificateFile = None,
    certificate_key: CertificateKeyFile = None,
) -> None:
    """Start the authorization server alone; its settings come from the environment."""
    require("auth_service")
    from auth_service.settings import AuthSettings

    check_settings(AuthSettings, LogSettings, MetricsSettings, TracesSettings, names=True)
    check_store_url(os.environ["DOORWARD_STORE"])
    if not os.environ["DOORWARD_STORE"].startswith("sqlite:"):
        asyncio.run(check_store(os.environ["DOORWARD_STORE"], "DOORWARD_STORE"))
    tls = Tls(certificate, certificate_key)
    _serve("auth_service.main", host=host, port=port, workers=workers, grace_s=grace, leash=leash, tls=tls)


def resource(
    *,
    host: Host = "127.0.0.1",
    port: Port = 9001,
    workers: Workers = 1,
    grace: Grace = 10,
    leash: Leash = False,
    certificate: CertificateFile = None,
    certificate_key: CertificateKeyFile = None,
    upstream: Annotated[
        str | None, typer.Option(help="URL of the MCP server to protect, instead of the built-in one.")
    ] = None,
    stdio: Annotated[
        str | None, typer.Option(help="Command that starts the MCP server to protect, over stdio.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="Policy file: the scopes that the tools require.")
    ] = None,
    mount: MountOptions = None,
    join: JoinOption = False,
) -> None:
    """Start the resource service alone; its settings come from the environment."""
    require("resource_service")
    os.environ.update(_upstreams(upstream, stdio, mount or []))
    if policy:
        os.environ["DOORWARD_POLICY"] = policy
    if join:
        os.environ["DOORWARD_JOIN"] = "true"
    settings = check_resource_settings()
    os.environ.update(key_of_workers(settings, workers))
    if settings.replica_url == "auto":
        os.environ["DOORWARD_REPLICA_URL"] = own_url(host, port, tls=certificate is not None)
    with _shared_folder(workers) as folder:
        _serve(
            "resource_service.main",
            host=host,
            port=port,
            workers=workers,
            grace_s=grace,
            leash=leash,
            folder=folder,
            tls=Tls(certificate, certificate_key),
        )


def check_resource_settings() -> ResourceSettings:
    """Read the settings of the resource service from the environment.

    Raises:
        CommandError: names everything that is wrong with them.
    """
    from resource_service.settings import ResourceSettings

    check_settings(ResourceSettings, LogSettings, MetricsSettings, TracesSettings, names=True)
    settings = ResourceSettings()  # type: ignore[call-arg]  # read from the environment
    _check_commands(settings)
    if settings.resource_store is not None:
        _check_shared_store(settings.resource_store)
    return settings


def _check_shared_store(url: str) -> None:
    check_store_url(url, "DOORWARD_RESOURCE_STORE")
    if url == os.environ.get("DOORWARD_STORE"):
        raise CommandError("DOORWARD_RESOURCE_STORE and DOORWARD_STORE are the same store")


def key_of_workers(settings: ResourceSettings, workers: int) -> dict[str, str]:
    """Return the setting of the key for identity tokens, if several workers need one that is not set.

    Each of them publishes its key, and any of them may have signed.
    """
    if workers == 1 or settings.identity_key is not None:
        return {}
    from resource_service.identity_token import new_private_key

    return {"DOORWARD_IDENTITY_KEY": new_private_key()}


@contextmanager
def _shared_folder(workers: int) -> Iterator[str | None]:
    """Create a private folder for the sockets of several workers."""
    if workers == 1:
        yield None
        return
    is_long = len(os.fsencode(gettempdir())) > MAX_TEMPORARY_PATH
    with TemporaryDirectory(prefix="doorward-workers-", dir="/tmp" if is_long else None) as folder:  # noqa: S108
        yield folder


def _check_commands(settings: ResourceSettings) -> None:
    """Refuse to start if a stdio command does not exist; else only the first call would fail."""
    from resource_service.targets import StdioTarget

    for each in (settings, *map(settings.for_mount, settings.mounts)):
        if each.upstream is None or not isinstance(each.target, StdioTarget):
            continue
        command = each.target.arguments[0]
        if shutil.which(command) is None:
            raise CommandError(f"the command {command!r} does not exist")


def _upstreams(upstream: str | None, stdio: str | None, mounts: list[str]) -> dict[str, str]:
    """Translate the options into settings."""
    if upstream and stdio:
        raise CommandError("use either --upstream or --stdio; add more servers with --mount")
    variables = {}
    if upstream or stdio:
        variables["DOORWARD_UPSTREAM"] = upstream or f"stdio:{stdio}"
    if mounts:
        variables["DOORWARD_MOUNTS"] = json.dumps(mounted(mounts))
    return variables


def require(package: str) -> None:
    """Check that the package of a service is installed; an image contains one.

    Raises:
        CommandError: it is not.
    """
    if find_spec(package) is None:
        raise CommandError(f"{package} is not installed")


def _serve(
    module: str,
    *,
    host: str,
    port: int,
    workers: int,
    grace_s: int,
    leash: bool,
    folder: str | None = None,
    tls: Tls,
) -> None:
    from shared.cli.serving import allow_open_files, become_child_of_init

    forbid_inspection()
    become_child_of_init()
    allow_open_files()
    # uvicorn shuts down and then raises the signal again; a requested stop is not a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    check_address(host, port)
    _warn_of_settings_without_effect(module.partition(".")[0])
    if leash:
        _stop_when_stdin_closes()

    import uvicorn

    from shared.cli.serving import Application, serve, take_settings
    from shared.idle_connections import SERVER_S

    protocol = _protocol()
    with _metrics(module.partition(".")[0]) as measured:
        config = uvicorn.Config(
            Application(module, take_settings(os.environ), folder, measured),
            factory=True,
            host=host,
            port=port,
            workers=workers,
            http=protocol,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            ssl_certfile=tls.certificate,
            ssl_keyfile=tls.key,
            proxy_headers=False,
            timeout_keep_alive=SERVER_S,
            timeout_graceful_shutdown=grace_s,
        )
        with suppress(KeyboardInterrupt):
            serve(config)


@contextmanager
def _metrics(package: str) -> Iterator[str | None]:
    """Serve the metrics, if they are on; yield the folder of the measurements."""
    settings = MetricsSettings()
    if settings.port is None:
        yield None
        return
    from shared.metrics.exposition import exposed

    declared = import_module(f"{package}.metrics").METRICS
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(exposed(settings, declared))
        except OSError as error:
            raise CommandError(
                f"DOORWARD_METRICS_PORT: cannot listen on {settings.host}:{settings.port}: {error.strerror}"
            ) from error
        yield str(folder)


def _protocol() -> type[DirectProtocol]:
    if is_observing():
        from shared.asgi.observed import ObservedProtocol

        return ObservedProtocol
    from shared.asgi.direct_protocol import DirectProtocol

    return DirectProtocol


def _warn_of_settings_without_effect(package: str) -> None:
    if names := without_effect(package, os.environ):
        configure_logs()
        get_logger(__name__).warning("settings of the other service have no effect here", names=names)


def _stop_when_stdin_closes() -> None:
    """Stop when the process at the other end of our standard input has ended for any reason."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="leash", daemon=True).start()
