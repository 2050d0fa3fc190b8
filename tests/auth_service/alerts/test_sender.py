"""Alerts reach a real receiver: signed, once, and again if it fails; one that hangs delays nothing else."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from anyio import to_thread

from auth_service.alerts import sender as sending
from auth_service.alerts.alert import Alert, AlertKind
from auth_service.alerts.sender import AlertSender, Webhook
from auth_service.alerts.sources import AlertSources
from auth_service.fetching import Fetcher, Limits
from auth_service.protocol.grant import REUSE
from auth_service.storage import keys
from shared.clock import system_clock
from shared.journal.event import EventKind
from shared.journal.verification import Finding, Problem
from shared.storage import Store
from tests.servers import wait_until
from tests.sites import Site, answer, dripping, site

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-7")]

SECRET = b"a secret of more than thirty-two bytes"
REUSED = Alert(kind=AlertKind.TOKEN_REUSE, summary="A token was used twice.", about="grant-1")
OK = answer(b"{}")


@pytest.fixture
def receiver() -> Iterator[Site]:
    with site() as running:
        running.answers["/alerts"] = OK
        yield running


def sender(receiver: Site, store: Store, *, total_s: float = 5.0, attempts: int = 2) -> AlertSender:
    webhook = Webhook(
        url=f"http://127.0.0.1:{receiver.port}/alerts", secret=SECRET, issuer="https://auth.example"
    )
    fetcher = Fetcher(loopback=True, limits=Limits(total_s=total_s))
    pauses = [0.01] * (attempts - 1)
    return AlertSender(webhook, fetcher, store, clock=system_clock, retry_after_s=pauses)


async def received(receiver: Site, count: int) -> list[dict[str, Any]]:
    await to_thread.run_sync(lambda: wait_until(lambda: len(bodies(receiver)) >= count))
    return [json.loads(body) for body in bodies(receiver)]


def bodies(receiver: Site) -> list[bytes]:
    return [contact.body for contact in receiver.contacts() if contact.body]


async def test_an_alert_is_signed(receiver: Site, store: Store) -> None:
    async with (alerts := sender(receiver, store)).run():
        alerts.send(REUSED)
        [body] = await received(receiver, 1)
    assert (body["kind"], body["issuer"]) == ("token_reuse", "https://auth.example")
    [contact] = receiver.contacts()
    time, _, mac = contact.headers["doorward-signature"].removeprefix("t=").partition(",v1=")
    assert hmac.new(SECRET, time.encode() + b"." + contact.body, hashlib.sha256).hexdigest() == mac
    assert int(time) == body["time"]


async def test_the_same_alert_is_sent_once_by_all_processes(receiver: Site, store: Store) -> None:
    other = Alert(kind=AlertKind.TOKEN_REUSE, summary="Another.", about="grant-2")
    first, second = sender(receiver, store), sender(receiver, store)
    async with first.run(), second.run():
        first.send(REUSED)
        await received(receiver, 1)
        second.send(REUSED)
        second.send(other)
        sent = await received(receiver, 2)
    assert [body["summary"] for body in sent] == [REUSED.summary, "Another."]


async def test_an_alert_that_is_not_accepted_is_sent_again_under_its_id(receiver: Site, store: Store) -> None:
    receiver.answers["/alerts"] = answer(b"{}", status="500 Internal Server Error")
    async with (alerts := sender(receiver, store, attempts=3)).run():
        alerts.send(REUSED)
        await received(receiver, 3)
        receiver.answers["/alerts"] = OK
        alerts.send(Alert(kind=AlertKind.JOURNAL_GAP, summary="Next.", about="chain"))
        sent = await received(receiver, 4)
    assert len({body["id"] for body in sent[:3]}) == 1
    assert sent[3]["summary"] == "Next."


async def test_an_alert_counts_as_sent_only_when_it_was_accepted(
    receiver: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LOOK_AGAIN_S", 0.01)
    receiver.answers["/alerts"] = answer(b"{}", status="500 Internal Server Error")
    first, second = sender(receiver, store, attempts=1), sender(receiver, store, attempts=1)
    async with first.run():
        first.send(REUSED)
        await received(receiver, 1)
    receiver.answers["/alerts"] = OK
    # Another process has begun to deliver it and stops: the claim ends, or it expires.
    claim = keys.once("alert", REUSED.kind, REUSED.about, "claimed")
    await store.delete(claim)
    assert await store.put_once(claim, ttl_s=60)
    async with second.run():
        second.send(REUSED)
        second.send(problem(1))
        assert [body["summary"] for body in await received(receiver, 2)][1:] == ["1"]
        await store.delete(claim)
        sent = await received(receiver, 3)
        second.send(REUSED)
        second.send(problem(2))
        sent = await received(receiver, 4)
    assert [body["summary"] for body in sent[1:]] == ["1", REUSED.summary, "2"]


async def test_a_receiver_that_hangs_delays_no_caller_and_is_given_up(
    receiver: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MAX_WAITING", 3)
    receiver.answers["/alerts"] = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", every_s=0.05)
    async with (alerts := sender(receiver, store, total_s=3, attempts=1)).run():
        alerts.send(REUSED)
        await received(receiver, 1)
        for number in range(5):  # returns at once, and what waits is bounded
            alerts.send(problem(number))
        receiver.answers["/alerts"] = OK
        await received(receiver, 4)
        alerts.send(problem(9))
        sent = await received(receiver, 5)
    assert [body["summary"] for body in sent[1:]] == ["0", "1", "2", "9"]


def problem(number: int) -> Alert:
    return Alert(kind=AlertKind.STORE_PROBLEM, summary=str(number), about=str(number))


def test_what_happens_becomes_an_alert_once() -> None:
    sent: list[Alert] = []
    sources = AlertSources(sent.append)
    members = {"grant": "g", "client": "c", "reason": sorted(REUSE)[0]}
    sources.recorded(EventKind.GRANT_REVOKED, members, 0.0)
    sources.recorded(EventKind.GRANT_REVOKED, {**members, "reason": "it was revoked"}, 0.0)
    sources.recorded(EventKind.LOGIN, {}, 0.0)
    for complaints in (("memory is full",), ("memory is full", "no replica"), (), ("memory is full",)):
        sources.store_checked(complaints)
    sources.feed_lost("resource")
    sources.quota_exceeded("resource")
    sources.journal_changed(Problem("chain", 7, Finding.CHANGED))
    for missing in (0, 3, 3, 4):
        sources.journal_checked("chain", missing)
    assert [alert.kind.value for alert in sent] == [
        "token_reuse",
        *["store_problem"] * 3,
        "revocation_feed_gap",
        "journal_quota",
        "journal_changed",
        *["journal_gap"] * 2,
    ]
