"""The format of log lines, and what they must never contain."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.log_lines import MAX_WAITING
from shared.logs import (
    LogSettings,
    configure_logs,
    configure_own_logs,
    current_request_id,
    get_logger,
    lines_written_directly,
)

HANDLE = "dw_rt_AAECAwQFBgcICQoLDA0ODw"


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    """Leave the logging of this process as it was."""
    loggers = {
        name: logging.getLogger(name)
        for name in ("", "uvicorn", "uvicorn.error", "uvicorn.access", "mcp", "resource_service", "shared")
    }
    before = {name: (list(each.handlers), each.level, each.propagate) for name, each in loggers.items()}
    yield
    for name, each in loggers.items():
        each.handlers, level, each.propagate = before[name]
        each.setLevel(level)
    structlog.reset_defaults()


def logged(form: str = "json", level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(LogSettings.model_validate({"format": form, "level": level}), stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_its_fields_level_and_time() -> None:
    stream = logged()
    get_logger("somewhere").info("refused", reason="two\nlines", status=401)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "refused",
        "level": "info",
        "logger": "somewhere",
        "reason": "two\nlines",
        "status": 401,
    }


def test_what_libraries_log_takes_the_same_form_and_uvicorn_s_own_handlers_are_gone() -> None:
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(io.StringIO()))
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    stream = logged()
    logging.getLogger("uvicorn.error").warning("port %d", 9000)
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("port 9000", "uvicorn.error", "warning")
    assert logging.getLogger("uvicorn").handlers == []


def test_the_request_id_is_on_every_line_of_a_request_and_on_no_other() -> None:
    stream = logged()
    outside = current_request_id.set("abc")
    get_logger("ours").info("inside")
    logging.getLogger("theirs").info("inside")
    current_request_id.reset(outside)
    get_logger("ours").info("outside")
    assert [line.get("request_id") for line in lines(stream)] == ["abc", "abc", None]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_handle_is_blotted_out_wherever_it_stands(form: str) -> None:
    stream = logged(form)
    get_logger("ours").info(f"message {HANDLE}", field=HANDLE, nested={"list": [HANDLE]}, raw=HANDLE.encode())
    logging.getLogger("theirs").warning("GET /?access_token=%s", HANDLE)
    try:
        raise ValueError(HANDLE)
    except ValueError:
        get_logger("ours").exception("failed")
    assert HANDLE not in stream.getvalue()
    assert stream.getvalue().count("dw_rt_***") >= 6


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_local_variables(form: str) -> None:
    stream = logged(form)
    try:
        secret = "value" + "-of-a-local"
        raise ValueError(len(secret))
    except ValueError:
        get_logger("ours").exception("failed")
    assert "ValueError" in stream.getvalue()
    assert "value-of-a-local" not in stream.getvalue()


@pytest.mark.parametrize("level", ["info", "debug"])
def test_lines_of_libraries_with_urls_headers_and_arguments_are_never_written(level: str) -> None:
    stream = logged(level=level)
    for name in (
        "httpx2",
        "httpcore2.http11",
        "mcp.server.streamable_http",
        "sse_starlette",
        "uvicorn.access",
    ):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).debug("chatter")
    assert stream.getvalue() == ""


def test_both_parts_of_a_link_are_blotted_out() -> None:
    stream = logged()
    get_logger("ours").info(
        "opened", link="https://a.example/set-password?link=dw_al_0123456789abcdef.ZyHtrd_mDiI6f22A"
    )
    assert "dw_al_***" in stream.getvalue()
    assert "ZyHtrd" not in stream.getvalue()


def test_the_level_is_kept() -> None:
    stream = logged(level="warning")
    get_logger("ours").info("quiet")
    logging.getLogger("theirs").info("quiet")
    get_logger("ours").warning("heard")
    assert [line["event"] for line in lines(stream)] == ["heard"]


def test_where_nobody_watches_the_form_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOORWARD_LOG_FORMAT", raising=False)
    stream = io.StringIO()
    configure_logs(stream=stream)
    get_logger("ours").info("hello")
    assert lines(stream)[0]["event"] == "hello"


@pytest.mark.parametrize("value", ["xml", ""])
def test_an_unknown_format_stops_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_LOG_FORMAT", value)
    with pytest.raises(ValueError, match="format"):
        configure_logs()


def test_in_a_process_of_somebody_else_only_our_own_lines_are_ours() -> None:
    theirs, ours = io.StringIO(), io.StringIO()
    logging.getLogger().handlers = [logging.StreamHandler(theirs)]
    configure_own_logs(LogSettings.model_validate({"format": "json"}), stream=ours)
    get_logger("resource_service.errors").info("refused", reason=f"it was {HANDLE}")
    logging.getLogger("somebody").warning("else")
    (line,) = lines(ours)
    assert (line["event"], line["reason"]) == ("refused", "it was dw_rt_***")
    assert theirs.getvalue() == "else\n"


def test_what_starts_the_process_has_the_last_word() -> None:
    before, after = io.StringIO(), io.StringIO()
    configure_own_logs(LogSettings.model_validate({"format": "json"}), stream=before)
    configure_logs(LogSettings.model_validate({"format": "json"}), stream=after)
    get_logger("resource_service.errors").info("refused")
    assert [line["event"] for line in lines(after)] == ["refused"]
    assert before.getvalue() == ""


def test_where_structlog_has_been_set_up_already_it_is_left_alone() -> None:
    mine = structlog.testing.LogCapture()
    structlog.configure(processors=[mine])
    configure_own_logs(stream=io.StringIO())
    get_logger("resource_service.errors").info("refused")
    assert [entry["event"] for entry in mine.entries] == ["refused"]


def test_in_the_console_form_nothing_steers_the_terminal_and_nothing_begins_a_line() -> None:
    stream = logged("console")
    odd = "\x1b[2J\n2026-11-24T10:00:00.1Z [info     ] forged\u202e"
    get_logger("ours").info(odd, path=odd)
    logging.getLogger("theirs").warning(odd)
    try:
        raise ValueError(odd)
    except ValueError:
        get_logger("ours").exception("failed")
    entries = [line for line in stream.getvalue().splitlines() if not line.startswith("  ")]
    assert len(entries) == 3
    assert not set(stream.getvalue()) & {"\x1b", "\u202e"}


def test_a_line_is_the_same_whether_written_directly_or_by_the_logging_framework() -> None:
    fields: dict[str, Any] = {
        "text": "å\u2028\x1b",
        "number": 1.5,
        "nothing": None,
        "object": {1},
        "handle": HANDLE,
    }
    stream = logged()
    outside = current_request_id.set("abc")
    get_logger("ours").info("happened", **fields)
    structlog.stdlib.get_logger("ours").info("happened", **fields)
    current_request_id.reset(outside)
    directly, by_framework = (list(line.items()) for line in lines(stream))
    assert [name for name, _ in directly] == [name for name, _ in by_framework]
    assert [pair for pair in directly if pair[0] != "timestamp"] == [
        pair for pair in by_framework if pair[0] != "timestamp"
    ]
    assert len(dict(directly)["timestamp"]) == len(dict(by_framework)["timestamp"])


def test_a_stream_that_fails_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    stream = logged()
    stream.close()
    get_logger("ours").info("happened")
    assert "Logging error" in capsys.readouterr().err


class FullDisk(io.StringIO):
    """A file that takes nothing while its disk is full."""

    is_full = True

    def write(self, text: str, /) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.mark.parametrize("form", ["json", "console"])
def test_lines_that_a_full_disk_refuses_stop_nobody_and_are_counted(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(LogSettings.model_validate({"format": form}), stream=(stream := FullDisk()))
    get_logger("ours").info("refused")
    logging.getLogger("theirs").warning("refused")
    stream.is_full = False
    logging.getLogger("theirs").warning("accepted")
    get_logger("ours").info("accepted")
    theirs, report, ours = stream.getvalue().splitlines()
    assert "2 log lines could not be written" in report
    assert ("accepted" in theirs, "accepted" in ours) == (True, True)
    assert capsys.readouterr().err == ""


def test_lines_of_requests_that_a_full_disk_refuses_are_counted() -> None:
    configure_logs(LogSettings(format="json"), stream=(stream := FullDisk()))
    direct = lines_written_directly()
    assert direct

    async def requests(number: int) -> None:
        for _ in range(number):
            direct.write_soon('{"event": "request"')

    asyncio.run(requests(MAX_WAITING))  # the last one writes them
    asyncio.run(requests(1))  # the event loop does
    stream.is_full = False
    asyncio.run(requests(1))
    request, report = lines(stream)
    assert request["event"] == "request"
    assert report["event"].startswith(f"{MAX_WAITING + 1} log lines could not be written")
    assert (report["level"], report["logger"]) == ("error", "shared.log_lines")


def test_lines_of_several_threads_stay_whole() -> None:
    stream = logged()
    log, long = get_logger("ours"), "x" * 5_000

    def write() -> None:
        for _ in range(50):
            log.info("happened", long=long)
            logging.getLogger("theirs").warning("happened")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(stream)) == 400
