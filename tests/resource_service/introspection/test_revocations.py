"""A running service uses answers again while it hears of revocations, and not a moment longer."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from resource_service.introspection.cache import LIVE_FOR_S
from tests.resource_service.authorization_server import AuthorizationServer, answer, break_off, hang
from tests.resource_service.feed import Feed
from tests.resource_service.service import Service, bearer, running, token_for
from tests.servers import wait_until

pytestmark = [pytest.mark.long, pytest.mark.requirement("RS-3", "RS-7", "AS-16", "SEC-15")]

OFF_WITHIN_S = 5
PROMPTLY_S = 5
"""Well under a second on a machine that does nothing else: `tests/e2e/test_revocations.py` takes the time."""
NUMBERS = itertools.count()
ARRIVE, GONE = "receiving revocations", "not receiving revocations"


class Caller:
    """Shows tokens to a service that hears of revocations from `feed`."""

    def __init__(self, service: Service, feed: Feed, http: httpx2.Client) -> None:
        self.service = service
        self.feed = feed
        self.issuer = feed.server
        self._http = http
        self._grants = 0

    def token(self, **members: Any) -> str:
        """A good token, of a grant of its own."""
        self._grants += 1
        return token_for(self.service, self.issuer, **{"grant_id": f"grant {self._grants}", **members})

    def shows(self, token: str) -> int:
        """The status of a request with a token."""
        return self._http.get("/hello", headers=bearer(token)).status_code

    def questions_for(self, token: str, times: int = 3) -> int:
        """How many questions it takes to show a token so many times."""
        before = len(self.issuer.requests_to())
        for _ in range(times):
            assert self.shows(token) == 200
        return len(self.issuer.requests_to()) - before

    def kept_token(self, **members: Any) -> str:
        """A good token of which the answer is kept by now."""
        token = self.token(**members)
        wait_until(lambda: self.questions_for(token, 2) == 0)
        return token

    def ends_unheard(self, token: str) -> float:
        """End the grant of a token without a word, once nothing is heard of the feed; when that was."""
        del self.issuer.tokens[token]
        return time.monotonic()

    def refused_at_last(self, token: str, since: float) -> None:
        """A token that ended at `since` is refused from then on, and never let in again."""
        wait_until(lambda: time.monotonic() > since + OFF_WITHIN_S)
        assert 200 not in {self.shows(token) for _ in range(20)}


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    server = AuthorizationServer().start()
    feed = Feed(server)
    directory = tmp_path_factory.mktemp("hearing")
    with (
        running(server, directory, introspection_timeout_s="1") as service,
        httpx2.Client(base_url=service.origin, timeout=10) as http,
    ):
        yield Caller(service, feed, http)
    server.stop()


@pytest.fixture
def caller(hearing: Caller) -> Caller:
    """As after a while: the feed is live, and has settled."""
    hearing.feed.instead = None
    hearing.issuer.replies.pop("/introspect", None)
    wait_until(lambda: hearing.shows(f"unheard-of-{next(NUMBERS)}") == 401)
    hearing.kept_token()
    return hearing


def test_a_token_is_asked_about_once_and_refused_at_once_when_it_is_revoked(caller: Caller) -> None:
    token, other = caller.kept_token(), caller.kept_token()
    assert caller.questions_for(token, 20) == 0
    caller.feed.revoke(token)
    wait_until(lambda: caller.shows(token) == 401, timeout_s=PROMPTLY_S)
    assert {caller.shows(token) for _ in range(20)} == {401}
    assert caller.questions_for(other) == 0


def test_what_was_derived_from_a_grant_ends_with_it(caller: Caller) -> None:
    parent = caller.kept_token(grant_id="parent")
    child = caller.kept_token(grant_id="child", ancestors=["middle", "parent"])
    caller.feed.revoke(parent)
    wait_until(lambda: caller.shows(child) == 401, timeout_s=PROMPTLY_S)


def test_bad_tokens_are_asked_about_once_in_a_while(caller: Caller) -> None:
    before = len(caller.issuer.requests_to())
    assert {caller.shows("junk") for _ in range(20)} == {401}
    assert len(caller.issuer.requests_to()) - before < 5


def test_a_token_is_asked_about_every_time_where_no_revocation_could_be_known(caller: Caller) -> None:
    token = caller.token(grant_id=None)
    assert caller.questions_for(token) == 3


def test_while_the_authorization_server_cannot_be_asked_kept_answers_are_good_and_others_503(
    caller: Caller,
) -> None:
    token, fresh = caller.kept_token(), caller.token()
    caller.issuer.replies["/introspect"] = answer(500, b"oops")
    assert {caller.shows(token) for _ in range(20)} == {200}
    assert {caller.shows(fresh) for _ in range(20)} == {503}
    caller.feed.announce(caller.issuer.tokens[token]["grant_id"])
    wait_until(lambda: caller.shows(token) == 503, timeout_s=PROMPTLY_S)


@pytest.mark.parametrize("cut", ["hangs", "breaks off"])
def test_a_feed_that_is_cut_turns_the_cache_off_within_five_seconds(cut: str, caller: Caller) -> None:
    token, other = caller.kept_token(), caller.kept_token()
    caller.feed.instead = hang if cut == "hangs" else break_off
    caller.refused_at_last(token, caller.ends_unheard(token))
    assert caller.questions_for(other) == 3
    caller.feed.instead = None
    caller.kept_token()
    assert caller.shows(token) == 401


def test_a_service_that_was_frozen_trusts_nothing_it_knew(caller: Caller) -> None:
    token = caller.kept_token()
    process = caller.service.process
    process.send_signal(signal.SIGSTOP)
    try:
        caller.ends_unheard(token)
        time.sleep(LIVE_FOR_S)  # the answer to its last poll is waiting for it meanwhile
    finally:
        process.send_signal(signal.SIGCONT)
    assert {caller.shows(token) for _ in range(50)} == {401}


def test_going_and_coming_are_each_logged_once(caller: Caller) -> None:
    for _ in range(2):
        caller.feed.instead = break_off
        polls = len(caller.feed.polls)
        wait_until(lambda: len(caller.feed.polls) > polls + 3)  # noqa: B023 -- waited for at once
        caller.feed.instead = None
        caller.kept_token()
    events = [str(line["event"]) for line in caller.service.log_lines()]
    event_kinds = [event.partition(":")[0] for event in events if event.startswith((ARRIVE, GONE))]
    assert event_kinds[-5:] == [ARRIVE, GONE, ARRIVE, GONE, ARRIVE]
    assert [pair for pair in itertools.pairwise(event_kinds) if pair[0] == pair[1]] == []


def test_without_a_feed_every_request_asks_and_the_log_says_so_once(tmp_path: Path) -> None:
    server = AuthorizationServer().start()
    with (
        running(server, tmp_path) as service,
        httpx2.Client(base_url=service.origin, timeout=10) as http,
    ):
        wait_until(lambda: bool(server.unprompted))
        token = token_for(service, server, grant_id="grant")
        for _ in range(3):
            assert http.get("/hello", headers=bearer(token)).status_code == 200
        assert len(server.requests_to()) == 3
        lines = [line for line in service.log_lines() if "revocations" in str(line["event"])]
    assert [line["reason"] for line in lines] == ["the authorization server does not offer revocation events"]
    server.stop()


def test_with_the_cache_turned_off_every_request_asks(tmp_path: Path) -> None:
    server = AuthorizationServer().start()
    Feed(server)
    with (
        running(server, tmp_path, introspection_cache_s="0") as service,
        httpx2.Client(base_url=service.origin, timeout=10) as http,
    ):
        token = token_for(service, server, grant_id="grant")
        for _ in range(3):
            assert http.get("/hello", headers=bearer(token)).status_code == 200
        assert len(server.requests_to()) == 3  # revocations are heard of all the same: they end what is open
    server.stop()


@pytest.mark.parametrize(
    ("cache_s", "event"),
    [("0", "receiving revocations"), ("60", "receiving revocations: introspection responses are cached")],
)
def test_the_log_says_that_responses_are_cached_only_if_they_are(
    cache_s: str, event: str, tmp_path: Path
) -> None:
    server = AuthorizationServer().start()
    Feed(server, heartbeat_s=0.05)
    with running(server, tmp_path, introspection_cache_s=cache_s) as service:

        def events() -> list[str]:
            lines = [str(line["event"]) for line in service.log_lines()]
            return [line for line in lines if line.startswith("receiving revocations")]

        wait_until(lambda: bool(events()))
        assert events() == [event]
    server.stop()
