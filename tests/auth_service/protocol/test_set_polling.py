"""Valid polls for security events; for invalid ones see `endpoints/test_revocations.py`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.set_polling import MAX_EVENTS, MAX_NAMES, EventPoll, parse_poll

pytestmark = pytest.mark.requirement("AS-16", "SEC-17")


def poll(**members: Any) -> EventPoll:
    return parse_poll(json.dumps(members).encode())


def test_an_empty_poll_waits_for_as_much_as_there_may_be() -> None:
    assert poll() == EventPoll(MAX_EVENTS, False, (), ())


@pytest.mark.parametrize(
    ("requested", "returned"), [(0, 0), (1, 1), (MAX_EVENTS + 1, MAX_EVENTS), (10**100, MAX_EVENTS)]
)
def test_no_more_is_given_than_there_may_be(requested: int, returned: int) -> None:
    assert poll(maxEvents=requested).max_events == returned


def test_what_could_not_be_taken_counts_as_seen() -> None:
    requested = poll(ack=["a"], setErrs={"b": {"err": "invalid_key"}, "c": {"err": "x", "description": "y"}})
    assert requested.seen == ("a", "b", "c")
    assert requested.failed == (("b", "invalid_key: "), ("c", "x: y"))


def test_an_error_is_cut_where_it_would_flood_the_log() -> None:
    requested = poll(setErrs={"a": {"err": "x", "description": "y" * 10_000}})
    assert len(requested.failed[0][1]) == 200


@pytest.mark.parametrize("member", ["ack", "setErrs"])
def test_so_many_names_and_no_more(member: str) -> None:
    def named(count: int) -> object:
        names = [f"jti-{number}" for number in range(count)]
        return names if member == "ack" else {name: {"err": "x"} for name in names}

    assert len(poll(**{member: named(MAX_NAMES)}).seen) == MAX_NAMES
    with pytest.raises(InvalidRequestError):
        poll(**{member: named(MAX_NAMES + 1)})


def test_a_poll_says_what_it_wants() -> None:
    assert poll(returnImmediately=True).return_immediately
    assert not poll(returnImmediately=False).return_immediately
    assert poll(ack=["a" * 200], unknown=1).acknowledged == ("a" * 200,)
    assert EventPoll() == poll()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b'"x"', b"1"])
def test_a_poll_is_a_json_object(body: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="the body must be"):
        parse_poll(body)


@pytest.mark.parametrize(
    "members",
    [
        {"returnImmediately": 1},
        {"returnImmediately": "true"},
        {"returnImmediately": None},
        {"maxEvents": -1},
        {"maxEvents": True},
        {"maxEvents": 1.5},
        {"maxEvents": "1"},
        {"maxEvents": None},
        {"ack": "a"},
        {"ack": {"a": 1}},
        {"ack": [1]},
        {"ack": ["a", None]},
        {"ack": [""]},
        {"ack": ["a" * 201]},
        {"setErrs": ["a"]},
        {"setErrs": None},
        {"setErrs": {"a": "x"}},
        {"setErrs": {"a": None}},
        {"setErrs": {"a": {}}},
        {"setErrs": {"a": {"err": 1}}},
        {"setErrs": {"": {"err": "x"}}},
        {"setErrs": {"a": {"err": "x", "description": 1}}},
        {"setErrs": {"a": {"err": "x", "description": None}}},
    ],
)
def test_a_member_that_is_not_what_it_must_be_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        poll(**members)
