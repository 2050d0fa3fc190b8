"""Authorization servers as processes of their own, for the clients of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.auth_service.service import (
    MASTER_KEY,
    RESOURCE_SERVER,
    AuthorizationServer,
    MovableClock,
)
from tests.e2e.services import NO_BRAKES, Service, start
from tests.servers import free_port


@contextmanager
def auth_processes(store_url: str, directory: Path, count: int = 1) -> Iterator[list[Service]]:
    """Processes that share a store and the issuer of the first, healthy."""
    ports = [free_port() for _ in range(count)]
    settings = {
        **NO_BRAKES,
        "DOORWARD_ISSUER": f"http://127.0.0.1:{ports[0]}",
        "DOORWARD_STORE": store_url,
        "DOORWARD_MASTER_KEYS": f"1:{MASTER_KEY}",
        "DOORWARD_RESOURCE_SERVERS": json.dumps([RESOURCE_SERVER]),
        "DOORWARD_DEMO_USER": "true",
    }
    services = [Service("auth", port, settings, directory / f"auth-{port}.log") for port in ports]
    try:
        start(services)
        yield services
    finally:
        for service in services:
            service.kill()
    for service in services:
        assert "Traceback" not in service.log, service.log


def reached(services: Sequence[Service]) -> list[AuthorizationServer]:
    """The processes as the clients of the ledger reach them."""
    return [
        AuthorizationServer(
            service.url,
            service.settings["DOORWARD_ISSUER"],
            service.settings["DOORWARD_STORE"],
            MovableClock(),
            [],
        )
        for service in services
    ]
