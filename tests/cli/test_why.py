"""`doorward why`: from the id of a refused request to what happened, in both services."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from shared.cli.why.entries import Entry, read_entries
from shared.cli.why.remedies import CATALOGUES, catalogue, reason_of, remedy
from shared.cli.why.story import entries_of, scenes_of
from shared.logs import LogSettings, configure_logs, current_request_id, get_logger
from shared.reasons import CommonReason, ReasonCode
from tests.cli.command import DOORWARD, ROOT, doorward, python_environment

pytestmark = pytest.mark.requirement("RS-11")

ID, OTHER_ID = "0123456789abcdef", "fedcba9876543210"
FORMS = ("json", "console")
Event = tuple[str, str, dict[str, object]]
"""Logger, event and fields."""


@contextmanager
def logging_to(form: str) -> Iterator[io.StringIO]:
    """Log as the services do."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logs(LogSettings.model_validate({"format": form}), stream=stream)
    try:
        yield stream
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()


def logged(form: str, *events: Event, request_id: str = ID) -> str:
    """The log lines of both services about one request."""
    with logging_to(form) as stream:
        outside = current_request_id.set(request_id)
        for logger, event, fields in events:
            get_logger(logger).info(event, **fields)
        current_request_id.reset(outside)
    return stream.getvalue()


REFUSED: Event = (
    "resource_service.errors",
    "refused",
    {
        "reason": "introspected inactive",
        "reason_code": "token_inactive",
        "told": 'The access token is "expired", it\'s revoked = unknown.',
        "error": "invalid_token",
        "status": 401,
        "method": "POST",
        "path": "/mcp",
    },
)


def read(text: str) -> list[Entry]:
    return list(read_entries(text.splitlines(keepends=True), "a file"))


def behind(prefix: str, text: str) -> str:
    return "".join(f"{prefix}{line}" for line in text.splitlines(keepends=True))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("prefix", "origin"),
    [
        ("", "a file"),
        ("resource-1  | ", "resource-1"),
        ("[resource] | ", "resource"),
        ("resource-1  | 2026-11-24T10:00:00.1Z ", "resource-1"),
    ],
)
def test_a_line_is_read_in_either_form_and_behind_what_compose_puts_before_it(
    form: str, prefix: str, origin: str
) -> None:
    (entry,) = read(behind(prefix, logged(form, REFUSED)))
    assert entry.origin == origin
    assert {name: entry.text(name) for name in REFUSED[2]} == {
        name: str(value) for name, value in REFUSED[2].items()
    }
    assert (entry.text("event"), entry.text("request_id")) == ("refused", ID)
    assert entry.text("logger") == "resource_service.errors"


@pytest.mark.parametrize("form", FORMS)
def test_a_traceback_belongs_to_its_entry_even_where_two_services_speak_at_once(form: str) -> None:
    with logging_to(form) as stream:
        outside = current_request_id.set(ID)
        try:
            raise ValueError("what\nwent wrong")
        except ValueError:
            get_logger("auth_service.main").exception("unhandled error", method="GET", path="/x")
        current_request_id.reset(outside)
    broken = behind("auth-1      | ", stream.getvalue()).splitlines()
    between = behind("resource-1  | ", logged(form, REFUSED, request_id=OTHER_ID)).splitlines()
    mixed = [*broken[:2], *between, *broken[2:], *between]
    (entry,) = entries_of(ID, read_entries(mixed, "standard input"))
    (scene,) = scenes_of([entry])
    assert scene.where == "authorization server"
    assert "GET /x" in scene.sentences[0]
    assert "went wrong" in scene.traceback[-1]
    assert "introspected" not in " ".join(scene.traceback)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_that_came_in_can_pass_for_an_entry_or_for_a_field(form: str) -> None:
    forged = logged(form, ("auth_service.x", "refused", {"reason": "forged", "status": 200}), request_id=ID)
    path = f"/x\n{forged}\nstatus=200 request_id={ID}"
    text = logged(form, ("auth_service.x", "refused", {"path": path, "status": 404}), request_id=OTHER_ID)
    with logging_to(form) as stream:
        outside = current_request_id.set(OTHER_ID)
        try:
            raise ValueError(f"bad\n{forged}")
        except ValueError:
            get_logger("auth_service.main").exception("unhandled error")
        current_request_id.reset(outside)
    assert entries_of(ID, read(text + stream.getvalue())) == []
    refused, _ = entries_of(OTHER_ID, read(text + stream.getvalue()))
    assert refused.text("status") == "404"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wanted", [ID, OTHER_ID])
def test_a_request_is_followed_from_one_service_into_the_other(form: str, wanted: str) -> None:
    question: Event = ("resource_service.introspection.client", "inactive", {"asked_request_id": OTHER_ID})
    answer: Event = (
        "auth_service.endpoints.introspect",
        "introspected as inactive",
        {
            "reason": "the grant of the token is revoked",
            "reason_code": "token_grant_revoked",
            "caller": "resource",
        },
    )
    text = logged(form, answer, request_id=OTHER_ID) + logged(form, question, REFUSED)
    scenes = scenes_of(entries_of(wanted, read(text)))
    assert [scene.where for scene in scenes] == ["authorization server", "resource server", "resource server"]
    assert "the grant of the token is revoked" in scenes[0].sentences[1]
    assert scenes[2].sentences[0] == "POST /mcp was refused with 401 invalid_token."
    assert "introspected inactive" in scenes[2].sentences[2]
    assert "The connection was ended" in str(remedy(entries_of(wanted, read(text))))


@pytest.mark.parametrize("form", FORMS)
def test_what_steers_a_terminal_is_shown_and_not_obeyed(form: str, tmp_path: Path) -> None:
    odd = {"path": "/\x1b[2J\u202e", "reason": "\x1b]0;title\x07", "status": 404, "reason_code": "not_found"}
    log = tmp_path / "some.log"
    log.write_text(logged(form, ("auth_service.main", "refused", odd)))
    done = doorward("why", ID, "some.log", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout) & {"\x1b", "\x07", "\u202e"}
    assert "x1b[2J" in done.stdout
    assert "Paste the URL in DOORWARD_RESOURCE" in done.stdout


def test_a_log_of_another_kind_is_read_past(tmp_path: Path) -> None:
    noise = b'\xff\xfe\n{"event"\n{}\n[]\nnot a log | at all\n{"a": {"event": 1}}\n' + b"{" * 5_000 + b"\n"
    (tmp_path / "some.log").write_bytes(noise + logged("json", REFUSED).encode())
    done = doorward("why", f" {ID.upper()}\n", "some.log", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "POST /mcp was refused with 401 invalid_token." in done.stdout


def test_it_reads_what_is_piped_in_and_what_is_named_and_nothing_else_then(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "resource.log").write_text(logged("console", REFUSED))
    piped = behind("resource-1  | ", logged("json", REFUSED, request_id=OTHER_ID))
    assert doorward("why", OTHER_ID, cwd=tmp_path, stdin=piped).returncode == 0
    assert doorward("why", OTHER_ID, "-", cwd=tmp_path, stdin=piped).returncode == 0
    assert doorward("why", ID, "--data-dir", "mine", cwd=tmp_path).returncode == 0
    assert doorward("why", OTHER_ID, "--data-dir", "mine", cwd=tmp_path, stdin=piped).returncode == 0
    assert doorward("why", ID, "-", "--data-dir", "mine", cwd=tmp_path, stdin=piped).returncode == 1
    nowhere = doorward("why", ID, "no.log", cwd=tmp_path)
    assert nowhere.returncode == 2
    assert "there is no file no.log" in nowhere.stderr


def test_where_nothing_is_found_it_says_where_it_looked(tmp_path: Path) -> None:
    missing = doorward("why", ID, cwd=tmp_path, stdin="")
    assert missing.returncode == 1
    assert "standard input" in missing.stderr
    (tmp_path / ".doorward").mkdir()
    (tmp_path / ".doorward" / "auth.log.1").write_text("")
    done = subprocess.run(
        [*DOORWARD, "why", "\x1b[1mnonsense"],
        cwd=tmp_path,
        env=python_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "the logs in .doorward" in done.stderr
    assert "docker compose logs --no-color auth resource | doorward why ID" in done.stderr
    assert "\x1b" not in done.stderr


def all_reasons() -> list[ReasonCode]:
    return [*CommonReason, *(reason for service in CATALOGUES for reason in catalogue(service).values())]


def test_what_the_advice_names_exists(tmp_path: Path) -> None:
    documented = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    advice = {reason.remedy for reason in all_reasons() if reason.remedy}
    assert len(advice) > 20
    commands = {
        advised for each in advice for advised in re.findall(r"`doorward ([a-z ]+?)(?: NAME| URL)?`", each)
    }
    for setting in {advised for each in advice for advised in re.findall(r"DOORWARD_[A-Z_]+", each)}:
        assert f"`{setting}`" in documented, setting
    for command in commands:
        assert doorward(*command.split(), "--help", cwd=tmp_path).returncode == 0, command


def entry(code: str, logger: str = "resource_service.errors", **fields: object) -> Entry:
    return Entry("a log", {"event": "refused", "reason_code": code, "logger": logger, **fields})


@pytest.mark.parametrize("reason", all_reasons(), ids=lambda reason: reason.code)
def test_the_advice_is_that_of_the_code_whatever_the_sentence_says(reason: ReasonCode) -> None:
    logger = f"{type(reason).__module__}.x"
    command = entry(reason.code, logger, reason="audience, unhandled error", error="x", status=401)
    assert reason_of(command) is reason
    assert remedy([command]) == (reason.remedy or None)


@pytest.mark.parametrize("code", ["", "not_a_code", "value", "__class__"])
def test_a_code_that_is_not_in_the_catalogue_gets_no_advice_and_its_sentence_is_printed(
    tmp_path: Path, code: str
) -> None:
    assert remedy([entry(code)]) is None
    refused: Event = (REFUSED[0], REFUSED[1], {**REFUSED[2], "reason_code": code})
    done = doorward("why", ID, "-", cwd=tmp_path, stdin=logged("json", refused))
    assert done.returncode == 0, done.stderr
    assert "introspected inactive" in done.stdout
    assert "What to do" not in done.stdout


def test_the_advice_is_about_what_happened_first() -> None:
    cause = entry("token_expired", "auth_service.endpoints.introspect")
    consequence = entry("token_inactive")
    assert remedy([cause, consequence]) == catalogue("auth_service")["token_expired"].remedy


def test_a_line_is_json_that_other_programs_read_too() -> None:
    assert json.loads(logged("json", REFUSED))["request_id"] == ID


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_has_no_value_is_not_told(tmp_path: Path, form: str) -> None:
    log = logged(
        form,
        ("auth_service.endpoints.introspect", "introspected as inactive", {"reason": None, "caller": "r"}),
        ("auth_service.clients.keys", "keys not fetched", {"url": "https://a", "detail": None}),
    )
    done = doorward("why", ID, "-", cwd=tmp_path, stdin=log)
    assert done.returncode == 0, done.stderr
    assert "None" not in done.stdout
    assert "Keys not fetched (url: https://a)." in done.stdout
