"""The work of the fork server before it forks: it imports everything, and creates what is cached."""

from __future__ import annotations

import gc
import importlib
import os
import threading
import warnings
from contextlib import suppress
from typing import Any

from shared import http_exchange
from shared.setting_names import PREFIX, setting_names
from tests.environment_source import examine_set_fields_only

PRELOADED = (
    "anyio._backends._asyncio",
    "auth_service.main",
    "shared.storage.redis",
    "shared.storage.redis_address",
    "shared.storage.sqlite",
    "shared.storage.sqlite_file",
    "passlib.handlers.bcrypt",
    "resource_service.main",
    "shared.cli.main",
    "rich.console",
    "typer._adapters",
    "uvicorn.main",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.auto",
)

_SECRET = "of-no-resource-server-0123456789-0123456789"


def preload() -> None:
    """Import the services and commands, and create what they keep once it has been created."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for module in PRELOADED:
            # An earlier release, which `PYTHONPATH` may name, has others.
            with suppress(ModuleNotFoundError):
                importlib.import_module(module)
    with suppress(ModuleNotFoundError):
        for entry in importlib.import_module("shared.cli.commands").COMMANDS:
            importlib.import_module(f"shared.cli.{entry.module}")
    with suppress(AttributeError):
        http_exchange.trusted_certificates()
    examine_set_fields_only(setattr)
    setting_names()  # reads the files with settings, and remembers them
    # A release may refuse the settings of another.
    with suppress(ModuleNotFoundError, TypeError, ValueError):
        _create_services()
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()


def _create_services() -> None:
    """Create both services and let go of them: templates, schemas and expressions are kept.

    Their settings are not those of the environment, which each process has of its own.
    """
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    auth: Any = importlib.import_module("auth_service.main")
    resource: Any = importlib.import_module("resource_service.main")
    issuer, url = "https://auth.example", "https://mcp.example/mcp"
    resources = [{"resource": url, "name": "Notes", "scopes": {"notes:read": "Read your notes"}}]
    settings = auth.AuthSettings(
        issuer=issuer,
        store="redis://127.0.0.1:1",
        master_keys=f"1:{'A' * 43}=",
        resource_servers=[{"id": "resource", "secret": _SECRET, "resources": resources}],
    )
    auth.create_app(settings, auth.open_store(settings.store))
    resource.create_app(resource.ResourceSettings(issuer=issuer, resource=url, resource_secret=_SECRET))
