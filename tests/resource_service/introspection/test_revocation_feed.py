"""How the client of the revocation feed treats each answer, without a server and without waiting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from resource_service.introspection import revocation_feed
from resource_service.introspection.issuer_keys import KeysUnavailableError
from resource_service.introspection.revocation_feed import RevocationFeed, Source
from shared.http_exchange import http_client
from shared.jose import InvalidJwsError
from shared.security_events import SecurityEvent, set_claims

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-7", "SEC-15")]

NOW, ISSUER, AUDIENCE = 1_700_000_000, "https://auth.example", "resource"
SOURCE = Source(f"{ISSUER}/revocations", "Basic abc", ISSUER, AUDIENCE)
TAKES_S = 0.04
LARGEST = 1_048_576


class EndOfScriptError(BaseException):
    """There are no more answers; the client under test must not catch this."""


Scripted = httpx2.Response | Exception


def events(*announced: SecurityEvent, more: bool | None = False, **changes: Any) -> httpx2.Response:
    """Return the response with these events; `changes` are made to the claims of each."""
    sets = {
        event.jti: json.dumps({**set_claims(event, issuer=ISSUER, audience=AUDIENCE), **changes})
        for event in announced
    }
    return httpx2.Response(200, json={"sets": sets, **({} if more is None else {"moreAvailable": more})})


def beat(jti: str = "beat", at: int = NOW) -> SecurityEvent:
    return SecurityEvent(jti=jti, occurred_at=at)


def end_of(grant_id: str) -> SecurityEvent:
    return SecurityEvent(jti=f"jti of {grant_id}", occurred_at=NOW, grant_id=grant_id)


class Run:
    """A client that follows scripted answers to their end; it is the listener, clock and keys as well.

    Attributes:
        told: the calls to the listener.
        polls: the bodies of the requests.
        sleeps: how long the client waited, and for that time nothing happened.
    """

    def __init__(self, answers: Sequence[Scripted], **options: float) -> None:
        self.told: list[object] = []
        self.polls: list[dict[str, Any]] = []
        self.sleeps: list[float] = []
        self.live = False
        self._answers, self._options, self._steady = list(answers), options, 0.0

    async def follow(self) -> None:
        async with http_client(timeout=None, transport=httpx2.MockTransport(self._answer)) as http:
            feed = RevocationFeed(
                *(http, SOURCE, self, self),  # type: ignore[arg-type]
                **{"clock": lambda: NOW, "steady_clock": lambda: self._steady, **self._options},  # type: ignore[arg-type]
            )
            with pytest.raises(EndOfScriptError):
                await feed.follow()

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        assert (str(request.url), request.headers["Authorization"]) == (SOURCE.url, SOURCE.authorization)
        self.polls.append(json.loads(request.content))
        if not self._answers:
            raise EndOfScriptError
        self._steady += TAKES_S
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, stream=httpx2.ByteStream(answer.content))

    async def verify_jws(self, text: str, *, typ: str, algorithms: Sequence[str]) -> dict[str, Any]:
        assert (typ, tuple(algorithms)) == ("secevent+jwt", ("ES256",))
        if text == "no keys":
            raise KeysUnavailableError
        if text == "forged":
            raise InvalidJwsError
        claims: dict[str, Any] = json.loads(text)
        return claims

    async def sleep(self, delay_s: float) -> None:
        self.sleeps.append(round(delay_s, 6))
        self._steady += max(0.0, delay_s)

    def confirm(self, as_of: float) -> None:
        self.live = True
        self.told.append(("confirm", round(as_of, 6)))

    def revoke(self, grant_id: str) -> None:
        self.told.append(("revoke", grant_id))

    def change(self, grant_id: str | None) -> None:
        self.told.append(("change", grant_id))

    def doubt(self) -> None:
        self.live = False
        self.told.append("doubt")


async def followed(monkeypatch: pytest.MonkeyPatch, *answers: Scripted, **options: float) -> Run:
    run = Run(answers, **options)
    monkeypatch.setattr(revocation_feed, "asyncio", SimpleNamespace(sleep=run.sleep, Event=asyncio.Event))
    await run.follow()
    return run


async def test_every_event_is_announced_and_then_confirmed_as_of_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = [SecurityEvent(jti=f"c{name}", occurred_at=NOW, grant_id=name, changed=True) for name in "x"]
    anybody = SecurityEvent(jti="any", occurred_at=NOW, changed=True)
    run = await followed(
        monkeypatch, events(beat("b1")), events(end_of("a"), *changed, anybody, more=None), events()
    )
    assert run.told == [
        *(("confirm", 0.0), ("revoke", "a"), ("change", "x"), ("change", None)),
        ("confirm", 0.1),
    ]
    acknowledged = [poll.get("ack") for poll in run.polls]
    assert acknowledged == [None, ["b1"], ["jti of a", "cx", "any"], ["jti of a", "cx", "any"]]
    assert [(poll["maxEvents"], poll["returnImmediately"]) for poll in run.polls] == [(100, False)] * 4


async def test_polls_begin_a_tenth_of_a_second_apart_and_a_backlog_is_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = await followed(
        monkeypatch, events(beat("b1")), events(end_of("a"), more=True), events(end_of("b"), more=True)
    )
    assert run.sleeps == [0.06]
    assert run.told == [("confirm", 0.0), ("revoke", "a"), ("revoke", "b")]
    assert run.polls[-1]["ack"] == ["jti of b"]


async def test_a_response_without_events_confirms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await followed(monkeypatch, events(), events(more=True))
    assert run.told == []
    assert run.sleeps == [0.06]
    assert not [poll for poll in run.polls if "ack" in poll]


LOST: dict[str, Scripted] = {
    "position forgotten": httpx2.Response(409, json={}),
    "unavailable": httpx2.Response(503, json={"sets": {}}),
    "another success": httpx2.Response(201, json={"sets": {}}),
    "informational": httpx2.Response(199, json={"sets": {}}),
    "no JSON": httpx2.Response(200, content=b"<html>"),
    "a list": httpx2.Response(200, json=[]),
    "null": httpx2.Response(200, content=b"null"),
    "no sets": httpx2.Response(200, json={"moreAvailable": False}),
    "a list of sets": httpx2.Response(200, json={"sets": []}),
    "a number": httpx2.Response(200, json={"sets": {"1": 1}}),
    "more is text": httpx2.Response(200, json={"sets": {}, "moreAvailable": "no"}),
    "sets and more are wrong": httpx2.Response(200, json={"sets": [], "moreAvailable": "no"}),
    "too large": httpx2.Response(200, content=b'{"sets": {}}'.ljust(LARGEST + 1)),
    "timeout": httpx2.ReadTimeout("x"),
    "forged": httpx2.Response(200, json={"sets": {"1": "forged"}}),
    "no keys": httpx2.Response(200, json={"sets": {"1": "no keys"}}),
    "another issuer": events(end_of("a"), iss="https://other.example"),
    "another name": events(end_of("a"), jti="another"),
    "a smaller name": events(end_of("a"), jti=""),
    "a larger name": events(end_of("a"), jti="z"),
    "no time": events(end_of("a"), iat=None),
    "old": events(end_of("a"), iat=NOW - 61),
    "of the future": events(end_of("a"), iat=NOW + 61),
}


@pytest.mark.parametrize("trouble", LOST.values(), ids=LOST)
async def test_after_any_error_the_stream_starts_again_and_its_events_are_ignored(
    trouble: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await followed(monkeypatch, events(beat()), trouble, events(beat("new")))
    assert run.told == [("confirm", 0.0), "doubt", ("confirm", 0.64)]
    assert run.sleeps == [0.06, 0.5, 0.06]
    assert [poll.get("ack") for poll in run.polls] == [None, ["beat"], None, ["new"]]


async def test_the_retry_can_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await followed(monkeypatch, LOST["unavailable"], retry_s=7.0)
    assert run.sleeps == [7.0]


ABSENT: dict[str, Scripted] = {
    "404": httpx2.Response(404),
    "405": httpx2.Response(405),
    "a fault of ours": RuntimeError("a fault"),
}


@pytest.mark.parametrize("answer", ABSENT.values(), ids=ABSENT)
async def test_a_feed_that_is_not_there_is_looked_for_every_half_minute(
    answer: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as logs:
        run = await followed(monkeypatch, answer)
    assert (run.told, run.sleeps) == (["doubt"], [30.0])
    assert any(log["log_level"] == "error" for log in logs) is isinstance(answer, RuntimeError)


@pytest.mark.parametrize("at", [NOW - 60, NOW + 60])
async def test_an_event_may_be_a_minute_off(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await followed(monkeypatch, events(beat(at=at)))).told == [("confirm", 0.0)]


async def test_the_largest_answer_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = httpx2.Response(200, content=events(beat()).content.ljust(LARGEST))
    assert (await followed(monkeypatch, largest)).told == [("confirm", 0.0)]


async def test_a_connection_that_breaks_is_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = httpx2.RemoteProtocolError("closed")
    assert (await followed(monkeypatch, broken, events(beat()))).told == [("confirm", 0.0)]
    assert (await followed(monkeypatch, broken, broken)).told == ["doubt"]


async def test_each_change_of_state_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    down = LOST["unavailable"]
    with capture_logs() as logs:
        await followed(monkeypatch, down, down, events(beat()), events(beat()), down, down, events(beat()))
    receiving = "receiving revocations: introspection responses are cached"
    lost = "not receiving revocations: every request is introspected"
    states = [(log["event"], log["log_level"]) for log in logs if "receiving" in log["event"]]
    assert states == [(lost, "info"), (receiving, "info"), (lost, "warning"), (receiving, "info")]


@pytest.mark.parametrize(
    ("status", "reason"), [(408, "status 408"), (409, "no longer has the position"), (410, "status 410")]
)
async def test_the_log_says_why_nothing_is_received(
    status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as logs:
        await followed(monkeypatch, httpx2.Response(status))
    assert reason in logs[0]["reason"]


async def test_events_that_leave_the_listener_in_doubt_are_not_reported_as_received(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Run, "confirm", lambda run, as_of: run.told.append("too late"))
    with capture_logs() as logs:
        run = await followed(monkeypatch, events(beat()))
    assert (run.told, logs) == (["too late"], [])
