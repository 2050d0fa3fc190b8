"""Output that was meant as an answer is told from greetings and log lines."""

from __future__ import annotations

import pytest

from resource_service.messages.garbled import is_lost_answer, of_other_type, reason_for, recovered_id
from resource_service.messages.request_ids import RequestId

pytestmark = pytest.mark.requirement("RS-12")


def test_the_reason_distinguishes_invalid_json_from_invalid_messages() -> None:
    assert reason_for(b"Welcome!") == "it is not JSON in UTF-8"
    assert reason_for(b"[1]") == "it is not a JSON-RPC 2.0 message"


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        (b"Welcome!", False),
        (b'{"level":"info"}', False),
        (b'{"jsonrpc":"2.0","id":1,"result":{', True),
        (b'\xef\xbb\xbf{"result":', True),
        (b'{ "error" : ', True),
        (b'{"id":1', True),
        ('{"jsonrpc"'.encode("utf-16"), True),
        (b'{"jsonrpc":"2.0","method":"notifications/x","params":{', False),
        (b'{"jsonrpc":"2.0","id":1,"result":{"method":"GET"', True),
        (b'{"jsonrpc":"2.0","id":1,"error":{"method":"GET"', True),
        (b'{"level":"info","result":1', False),
    ],
)
def test_a_line_that_claims_to_be_an_answer_is_one_that_was_lost(line: bytes, lost: bool) -> None:
    assert is_lost_answer(line) is lost


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7,"result":{', 7),
        (b'{"id":-7,"result":{', -7),
        (b'\xef\xbb\xbf {"id":"a\\"b","result":{', 'a"b'),
        (b'{"result":{"x":NaN},"id":7,"jsonrpc":"2.0"}', 7),
        (b'{"result":{"x":NaN},"id":"7"}\n', "7"),
        (b'{"result":"%b","id":7}' % (b"x" * 1_000), 7),
        (b'{"result":{"id":7},"x":1}', None),
        (b'{"result":{"id":7', None),
        (b'{"id":007,"result":{', None),
        (b'{"id":1.5,"result":{', None),
        (b'{"id":"%b","result":{' % (b"x" * 256), "x" * 256),
        (b'{"id":"%b","result":{' % (b"x" * 257), None),
    ],
)
def test_an_id_is_recovered_where_it_can_be_no_other(line: bytes, request_id: RequestId | None) -> None:
    assert recovered_id(line) == request_id


@pytest.mark.parametrize(
    ("request_id", "other"),
    [(1, "1"), ("1", 1), ("x", None), ("", None), ("1.5", None), ("9" * 18, int("9" * 18)), ("9" * 19, None)],
)
def test_the_id_of_the_other_type_has_the_same_text(request_id: RequestId, other: RequestId | None) -> None:
    assert of_other_type(request_id) == other
