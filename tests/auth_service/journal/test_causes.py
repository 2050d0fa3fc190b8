"""A story lists causes before their effects, whatever the clocks of the hosts (JR-5)."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from auth_service.journal.causes import causes_first
from shared.journal.event import EventKind
from shared.journal.outcomes import CALL

pytestmark = pytest.mark.requirement("JR-5")

CLIENT = {"client": "client", "subject": "subject"}
GRANT = {**CLIENT, "grant": "grant"}


def event(name: str, kind: str, place: str, **members: Any) -> dict[str, Any]:
    return {"label": name, "kind": kind, "id": place, **members}


def connection(behind_ms: int, calls: str = "resource.process.0") -> list[dict[str, Any]]:
    """The events of a connection at a resource server whose clock is behind."""
    time = 1_000_000
    return [
        event("login", EventKind.LOGIN, f"{time}-7-a", subject="subject"),
        event("registered", EventKind.CLIENT_REGISTERED, f"{time}-2-b", client="client"),
        event("denied", EventKind.CONSENT, f"{time + 50}-9-a", **CLIENT, allowed=False),
        event("consent", EventKind.CONSENT, f"{time + 100}-3-b", **CLIENT, allowed=True),
        event("opened", EventKind.GRANT_OPENED, f"{time + 100}-9-c", **GRANT, generation=0),
        event("tokens", EventKind.TOKENS_ISSUED, f"{time + 101}-1-a", **GRANT, generation=1),
        event("first call", CALL, f"{time + 200 - behind_ms}-1-{calls}", **GRANT),
        event("second call", CALL, f"{time + 200 - behind_ms}-3-{calls}", **GRANT),
        event("refreshed", EventKind.TOKENS_ISSUED, f"{time + 300}-2-a", **GRANT, generation=2),
    ]


def labels(events: list[dict[str, Any]]) -> list[str]:
    return [each["label"] for each in causes_first(events)]


@pytest.mark.parametrize("behind_ms", [0, 99, 150, 300_000])
def test_a_call_follows_the_tokens_it_was_made_with_however_far_its_clock_is_behind(behind_ms: int) -> None:
    events = connection(behind_ms)
    expected = [each["label"] for each in events]
    for turned in (events, events[::-1], events[4:] + events[:4], events[1::2] + events[::2]):
        assert labels(turned) == expected


@pytest.mark.parametrize("late_ms", [-300_000, 0, 300_000])
def test_the_stages_keep_their_order_when_each_host_has_its_own_clock(late_ms: int) -> None:
    stages = [
        event("registered", EventKind.CLIENT_REGISTERED, f"{1_000_000 + late_ms}-1-a", client="client"),
        event("consent", EventKind.CONSENT, "1000000-1-b", **CLIENT, allowed=True),
        event("opened", EventKind.GRANT_OPENED, f"{1_000_000 - late_ms}-1-c", **GRANT, generation=0),
        event("tokens", EventKind.TOKENS_ISSUED, "1000000-1-d", **GRANT, generation=1),
        event("call", CALL, f"{1_000_000 - late_ms}-1-e", **GRANT),
    ]
    for turned in permutations(stages):
        assert labels(list(turned)) == ["registered", "consent", "opened", "tokens", "call"]


def test_the_calls_of_another_connection_wait_for_nothing_of_this_one() -> None:
    opened = event("opened", EventKind.GRANT_OPENED, "2000-1-a", **GRANT, generation=0)
    other = event("other", CALL, "1000-1-b", **{**GRANT, "client": "other", "grant": "other"})
    assert labels([opened, other]) == ["other", "opened"]


def test_a_later_consent_of_the_same_person_does_not_move_calls_before_it() -> None:
    opened = event("opened", EventKind.GRANT_OPENED, "2000-1-a", **GRANT, generation=0)
    call = event("call", CALL, "2500-1-b", **GRANT)
    denied = event("denied", EventKind.CONSENT, "3000-2-a", **CLIENT, allowed=False)
    assert labels([denied, call, opened]) == ["opened", "call", "denied"]
