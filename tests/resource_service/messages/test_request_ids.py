"""Which ids a response must answer, and what may be sent a second time."""

from __future__ import annotations

import pytest

from resource_service.messages.request_ids import (
    key_of,
    may_be_repeated,
    note_request_ids,
    noted_request_ids,
    request_ids,
)


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        ({"method": "ping", "id": 1}, [1]),
        ({"method": "ping", "id": "1"}, ["1"]),
        ({"method": "ping", "id": 0}, [0]),
        ({"method": "ping"}, []),
        ({"method": "ping", "id": True}, []),
        ({"method": "ping", "id": None}, []),
        ({"method": "ping", "id": 1.5}, []),
        ({"method": 1, "id": 1}, []),
        ({"result": {}, "id": 1}, []),
        ("ping", []),
    ],
)
def test_the_ids_are_those_of_requests(message: object, ids: list[object]) -> None:
    assert request_ids([message]) == ids


@pytest.mark.parametrize(
    ("messages", "repeatable"),
    [
        ([{"method": "tools/list"}], True),
        ([{"method": "tools/list"}, {"method": "tools/call"}], False),
        ([{"method": ["ping"]}], False),
        ([{}], False),
        (["ping"], False),
        ([], True),
    ],
)
def test_only_what_reads_may_be_repeated(messages: list[object], repeatable: bool) -> None:
    assert may_be_repeated(messages) is repeatable


def test_ids_of_different_types_have_different_keys() -> None:
    assert len({key_of(request_id) for request_id in (1, "1", None, [1])}) == 4
    assert key_of([1]) == ("list", None)
    assert key_of(1) == ("int", 1)


def test_ids_are_noted_on_the_request() -> None:
    scope = {"type": "http"}
    assert noted_request_ids(scope) == []
    note_request_ids(scope, [1])
    assert noted_request_ids(scope) == [1]
