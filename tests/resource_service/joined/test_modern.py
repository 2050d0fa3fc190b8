"""Requests of revision 2026-07-28 that the joined URL refuses for all mounts (GW-3)."""

from __future__ import annotations

from typing import Any

import pytest

from resource_service.errors import Refusal
from resource_service.joined.modern import check_modern
from tests.gateway.open_streams import META

pytestmark = pytest.mark.requirement("GW-3")
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


def request(method: str = "tools/list", /, **meta: object) -> dict[str, Any]:
    changed = {name: value for name, value in (META | meta).items() if value is not None}
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": changed}}


@pytest.mark.parametrize("method", ["tools/list", "tools/call", "server/discover", "tasks/get", "x/y"])
def test_a_request_of_the_revision_passes(method: str) -> None:
    check_modern(request(method))


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (request("initialize"), 404, -32601),
        (request("ping"), 404, -32601),
        (request("resources/subscribe"), 404, -32601),
        (request("tasks/list"), 404, -32601),
        (request("tasks/result"), 404, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, 400, -32602),
        (request(**{VERSION: None}), 400, -32602),
        (request(**{CAPABILITIES: None}), 400, -32602),
        (request(**{VERSION: "2099-01-01"}), 400, -32022),
    ],
)
def test_what_no_server_of_the_revision_accepts_is_refused(
    message: dict[str, Any], status: int, code: int
) -> None:
    with pytest.raises(Refusal) as refused:
        check_modern(message)
    assert (refused.value.status, refused.value.rpc_code) == (status, code)


def test_a_client_of_a_later_revision_gets_the_revisions_that_it_may_use() -> None:
    with pytest.raises(Refusal) as refused:
        check_modern(request(**{VERSION: "2099-01-01"}))
    answer: Any = refused.value.rpc_answer(1, -32022)
    assert answer["error"]["data"]["supported"] == ["2026-07-28"]
    assert answer["error"]["data"]["requested"] == "2099-01-01"
    assert answer["error"]["data"]["error"] == "invalid_request"
