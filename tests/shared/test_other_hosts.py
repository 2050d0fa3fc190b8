"""A request for another host name than the public one is logged once, with what to set, by both services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from auth_service.main import create_app as authorization_server
from auth_service.settings import AuthSettings
from resource_service.main import create_app as resource_server
from resource_service.settings import ResourceSettings
from shared.asgi import HostNames, OtherHosts
from shared.asgi.other_hosts import INTERNAL_AGENT
from shared.once import MOST
from shared.storage import open_store
from tests.auth_service.service import USUAL

pytestmark = pytest.mark.requirement("RS-15")
PUBLIC = "https://mcp.example.com/tools/mcp"


async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Answers nothing."""


def logged(*requests: dict[str, str], public_url: str = PUBLIC) -> list[Any]:
    """Return the log lines of requests with these headers to ``path``."""
    noting = OtherHosts(app, names=HostNames(public_url=public_url, setting="DOORWARD_RESOURCE"))
    with capture_logs() as lines:
        for request in requests:
            path = request.pop("path", "/tools/mcp")
            headers = [(name.encode(), value.encode("latin-1")) for name, value in request.items()]
            scope = {"type": "http", "path": path, "headers": headers}
            anyio.run(noting, scope, _never, _nowhere)
    return lines


async def _never() -> Any:
    raise AssertionError("nothing is read")


async def _nowhere(_message: Any) -> None:
    raise AssertionError("nothing is sent")


def test_another_host_is_logged_once_with_what_to_set() -> None:
    lines = logged(*({"host": host} for host in ("other", "OTHER", "other", "10.0.0.1:8000")))
    assert [line["host"] for line in lines] == ["other", "10.0.0.1:8000"]
    assert all(line["setting"] == "DOORWARD_RESOURCE" and line["public_url"] == PUBLIC for line in lines)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "mcp.example.com"},
        {"host": "MCP.example.com:443"},
        {"host": "resource:8001", "x-forwarded-host": "mcp.example.com"},
        {"host": "resource:8001", "x-forwarded-host": "mcp.example.com, inner"},
        {"host": "127.0.0.1:8001", "path": "/tools/health"},
        {"host": "resource:8001", "user-agent": INTERNAL_AGENT},
        {},
    ],
)
def test_the_public_name_probes_and_our_own_requests_are_not(headers: dict[str, str]) -> None:
    assert logged(dict(headers)) == []


def test_a_port_is_part_of_the_name() -> None:
    assert len(logged({"host": "localhost:8002"}, public_url="http://localhost:8001/mcp")) == 1
    assert logged({"host": "localhost:8001"}, public_url="http://localhost:8001/mcp") == []


def test_what_strangers_choose_is_bounded() -> None:
    lines = logged(*({"host": f"host-{number}"} for number in range(100)), {"host": "x" * 10_000})
    assert len(lines) == MOST
    (long,) = logged({"host": "x" * 10_000 + "[\xff"})
    assert len(long["host"]) == 200


def test_both_services_note_it(tmp_path: Path) -> None:
    auth = AuthSettings(
        **{**USUAL, "issuer": "http://localhost:1", "store": f"sqlite:///{tmp_path}/store.db"}
    )
    resource = ResourceSettings.model_validate(
        {"resource": "http://localhost/mcp", "issuer": "http://localhost:1", "resource_secret": "s" * 32}
    )
    for service in (authorization_server(auth, open_store(auth.store)), resource_server(resource)):
        names = [getattr(middleware.cls, "__name__", "") for middleware in service.user_middleware]
        assert "OtherHosts" in names
