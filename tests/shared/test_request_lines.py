"""The line of each request: the same members with and without the fast way, and in the order of events."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from shared.asgi.noted_caller import Requester, note_caller
from shared.asgi.request_id import NOTED_REQUEST_ID
from shared.logs import LogSettings, configure_logs, get_logger
from shared.request_lines import RequestLines

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-7")]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def scope_of(caller: Requester, method: str = "POST") -> dict[str, Any]:
    scope: dict[str, Any] = {"method": method, "state": {NOTED_REQUEST_ID: b"0123456789abcdef"}}
    note_caller(scope, caller)
    return scope


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_a_line_has_the_outcome_the_address_and_the_caller(stream: io.StringIO) -> None:
    configure_logs(LogSettings(format="json"), stream=stream)
    scope = scope_of(Requester("app", "subject", 'bob "\n'))
    RequestLines(lambda _: "192.0.2.1").write("/token", 429, "too_many", 0.0123, scope=scope)
    get_logger("after").info("something later")
    first, second = written(stream)
    assert first.pop("timestamp") <= second["timestamp"]
    assert first == {
        "event": "request",
        "level": "info",
        "logger": "shared.request_lines",
        "method": "POST",
        "endpoint": "/token",
        "status": 429,
        "address": "192.0.2.1",
        "reason_code": "too_many",
        "client_id": "app",
        "subject": "subject",
        "name": 'bob "\n',
        "duration_ms": 12.3,
        "request_id": "0123456789abcdef",
    }


async def test_a_poll_is_logged_at_info_only_if_it_failed(stream: io.StringIO) -> None:
    configure_logs(LogSettings(format="json"), stream=stream)
    lines = RequestLines(lambda _: None)
    for status in (200, 401):
        lines.write("/revocations", status, "", 0.1, scope=scope_of(Requester()))
    get_logger("after").info("something later")
    assert [line.get("status") for line in written(stream)] == [401, None]


async def test_probes_are_not_logged_at_info_nor_the_methods_that_strangers_invent(
    stream: io.StringIO,
) -> None:
    configure_logs(LogSettings(format="json"), stream=stream)
    lines = RequestLines(lambda _: None)
    lines.write("/health", 200, "", 0.1, scope=scope_of(Requester()))
    lines.write("other", 405, "", 0.1, scope=scope_of(Requester(), "SECRET"))
    get_logger("after").info("something later")
    assert [line.get("method") for line in written(stream)] == ["other", None]


async def test_a_token_is_masked_wherever_it_was_sent(stream: io.StringIO) -> None:
    configure_logs(LogSettings(format="json"), stream=stream)
    RequestLines(lambda _: None).write(
        "/token", 200, "", 0.1, scope=scope_of(Requester(name="dw_at_" + "a" * 20))
    )
    get_logger("after").info("something later")
    assert "a" * 20 not in stream.getvalue()
