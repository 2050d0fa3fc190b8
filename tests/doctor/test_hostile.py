"""A server that is up to no good: whatever it sends, the doctor survives it and prints nothing of it raw."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections.abc import Iterator
from io import StringIO
from typing import Any, TypeVar

import pytest
from rich.console import Console
from starlette.responses import JSONResponse, Response
from typer.testing import CliRunner

from shared.cli.doctor.checks import CHECKS
from shared.cli.doctor.evidence import Evidence, Login
from shared.cli.doctor.examination import Report
from shared.cli.doctor.exchange import Answer, Exchange
from shared.cli.doctor.judgement import judge
from shared.cli.doctor.report import print_group, print_requests, to_json
from shared.cli.doctor.text import MAX_LINE, listed, printable, quoted
from shared.cli.main import app
from tests.doctor.examining import run
from tests.doctor.pair import PASSWORD, USERNAME, Pair
from tests.doctor.recording import recorded

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\b\u202eexe\u200b\ud800\x00"
HOSTILE_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**400, "", " ", [], {}, [[]], [None], [1], {"": None}),
    *("\x1b[31m", ESCAPES.replace("\ud800", ""), "x" * 20_000, "http://[", "javascript:alert(1)", "//"),
    *(["\x1b[31m"] * 3, ["x" * 500] * 50, {"a": {"b": ["\x1b"]}}, "http://a.example/\x1b[2J", "http://"),
)
HOSTILE_BODIES = (
    *(b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe{}", b"NaN", b'{"issuer": NaN}', b'{"issuer": "\\ud800"}'),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"1" * 10_000),
    b"<!doctype html><![x",
)
HOSTILE_HEADERS = (
    *("", "Bearer", "Bearer \x1b[31m", 'Bearer error="\x1b[31m"', 'Bearer resource_metadata="http://["'),
    *(f'Bearer scope="{"s " * 20_000}"', "Bearer " + "a=b, " * 5_000, 'Bearer resource_metadata="\x9b2J"'),
    *('=,=,"', "http://[", "//", "?error=\x1b[31m"),
)
DATES = ("", "yesterday", "Mon, 99 Foo 99999 25:61:61 +9999", "Mon, 23 Nov 0001 00:00:00 GMT", "1" * 5_000)
PLACES = (
    ("mcp", "/.well-known/oauth-protected-resource/mcp"),
    ("auth", "/.well-known/oauth-authorization-server"),
    ("auth", "/register"),
    ("auth", "/token"),
)


Record = TypeVar("Record", Evidence, Login)


def is_safe(text: str) -> bool:
    return all(character.isprintable() for character in text)


def hostile_answers(answer: Answer) -> Iterator[Answer]:
    """`answer`, made hostile in one way at a time."""
    for body in HOSTILE_BODIES:
        yield dataclasses.replace(answer, body=body)
    for value in HOSTILE_VALUES:
        yield dataclasses.replace(answer, body=json.dumps(dict.fromkeys(_members(answer), value)).encode())
    for name, values in (
        ("www-authenticate", HOSTILE_HEADERS),
        ("date", DATES),
        ("location", HOSTILE_HEADERS),
    ):
        for value in values:
            headers = tuple(header for header in answer.headers if header[0] != name)
            yield dataclasses.replace(answer, headers=(*headers, (name, value)))
    for status in (100, 204, 302, 401, 403, 418, 503, 999):
        yield dataclasses.replace(answer, status=status)


def _members(answer: Answer) -> list[str]:
    try:
        return list(json.loads(answer.body))
    except ValueError:
        return ["error"]


def hostile_records(record: Record) -> Iterator[Record]:
    """`record` with one of its exchanges made hostile, in a few ways each, the same every time."""
    dice = random.Random(11)  # noqa: S311 -- not a secret
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        for number, exchange in enumerate(exchanges_in(value)):
            if exchange.answer is None:
                continue
            for answer in dice.sample(list(hostile_answers(exchange.answer)), 7):
                hostile = dataclasses.replace(exchange, answer=answer)
                changed = copy.copy(record)
                setattr(changed, field.name, with_exchange(value, number, hostile))
                yield changed


def exchanges_in(value: object) -> list[Exchange]:
    """The exchanges that a field of a record holds."""
    items = value if isinstance(value, list) else [value]
    parts = (part for item in items for part in (item if isinstance(item, tuple) else (item,)))
    return [part for part in parts if isinstance(part, Exchange)]


def with_exchange(value: Any, number: int, exchange: Exchange) -> object:
    """The value of such a field with another exchange in it."""
    if not isinstance(value, list):
        return exchange
    changed = list(value)
    headers = changed[number]
    changed[number] = (headers[0], exchange) if isinstance(headers, tuple) else exchange
    return changed


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return recorded()


def test_no_answer_makes_a_check_fail_or_print_what_it_was_sent(evidence: Evidence) -> None:
    login = evidence.login
    assert login is not None
    logins = (dataclasses.replace(evidence, login=record) for record in hostile_records(login))
    variants = [*hostile_records(evidence), *logins]
    assert len(variants) > 200
    for variant in variants:
        for line in judge(CHECKS.values(), variant):
            assert is_safe(line.finding), (line.check.id, line.finding)
            assert len(line.finding) < MAX_LINE + 40


@pytest.mark.long
@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=range(len(HOSTILE_BODIES)))
def test_no_document_stops_the_walk(pair: Pair, body: bytes) -> None:
    for server, path in PLACES:
        pair.http.replaced.clear()
        pair.replace(server, "*", path, Response(body, media_type="application/json"))
        login = path in ("/register", "/token")
        assert all(is_safe(line.finding) for line in run(pair.mcp_url, login=login).lines)


@pytest.mark.long
@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=range(len(HOSTILE_VALUES)))
def test_no_value_stops_the_walk(pair: Pair, value: object) -> None:
    for (server, path), document in zip(
        PLACES, (pair.documents.resource, pair.documents.server), strict=False
    ):
        pair.http.replaced.clear()
        pair.replace(server, "*", path, JSONResponse(dict.fromkeys(document, value)))
        assert all(is_safe(line.finding) for line in run(pair.mcp_url, login=True).lines)


def test_what_a_terminal_would_act_on_is_escaped() -> None:
    assert (
        printable("a\x1b[31mb\r\n\x9b\u202e\u200b\ud800") == "a\\x1b[31mb\\x0d\\x0a\\x9b\\u202e\\u200b\\ud800"
    )
    assert printable("Grüße, 東京") == "Grüße, 東京"
    assert printable("\U000e0041") == "\\U000e0041"


def test_what_is_long_is_cut_and_says_so() -> None:
    assert printable("x" * 300, 10) == "xxxxxxxxxx… (300 characters)"
    assert len(quoted("x" * 100_000)) < 250
    assert listed(["a"] * 20).endswith("and 8 more")


def test_the_report_for_people_and_the_one_for_programs_are_clean(evidence: Evidence) -> None:
    hostile = json.dumps({"resource": ESCAPES[:-2], "bearer_methods_supported": ["\x1b[2J", "x" * 9_000]})
    place, exchange = evidence.resource_metadata[0]
    assert exchange.answer is not None
    answer = dataclasses.replace(exchange.answer, body=hostile.encode())
    metadata = [(place, dataclasses.replace(exchange, answer=answer))]
    lines = judge(CHECKS.values(), dataclasses.replace(evidence, resource_metadata=metadata))
    assert any("\\x1b" in line.finding for line in lines)
    report = Report(
        mcp_url=evidence.mcp_url,
        profile=None,
        issuer=f"http://a/{ESCAPES}",
        groups={"All": lines},
        exchanges=[evidence.post],
    )
    output = StringIO()
    console = Console(file=output, width=80, highlight=False)
    print_group(console, "All", lines)
    print_requests(console, report.exchanges)
    assert is_safe(output.getvalue().replace("\n", ""))
    assert is_safe(to_json(report).replace("\n", ""))
    assert json.loads(to_json(report))["issuer"].startswith("http://a/\\x1b[2J")


@pytest.mark.parametrize("flags", [(), ("--json",), ("--requests",)])
def test_the_command_prints_nothing_raw(pair: Pair, flags: tuple[str, ...]) -> None:
    text = "\x1b[2J\x1b]0;owned\x07\u202e" + "long" * 5_000
    pair.both_documents(issuer=text, scopes_supported=[text], service_documentation=text)
    pair.documents.resource["resource"] = text
    pair.responses.answer_members.update(
        code=None, error=text[:20], error_description="[red]not markup[/red]"
    )
    arguments = ("doctor", pair.mcp_url, "--login", "--username", USERNAME, "--password-stdin", *flags)
    done = CliRunner(env={"COLUMNS": "40"}).invoke(app, arguments, input=f"{PASSWORD}\n")
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert is_safe(done.stdout.replace("\n", ""))
    assert max(len(line) for line in done.stdout.splitlines()) < 2 * MAX_LINE
    assert "[red]not markup[/red]" in done.stdout
