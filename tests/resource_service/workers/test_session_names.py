"""Session ids that name a worker."""

from __future__ import annotations

import pytest

from resource_service.workers.session_names import (
    HEADER,
    SENDER,
    Fields,
    with_sender,
    with_worker,
    without_sender,
    without_worker,
    worker_of,
)

NAME = "0123456789abcdef"


@pytest.mark.parametrize("session_id", [b"abc", b"a-b", b"fedcba9876543210-x", b"-", b"\xe4"])
def test_the_application_gets_the_id_that_it_issued(session_id: bytes) -> None:
    issued: Fields = [(b"X", b"y"), (b"Mcp-Session-Id", session_id)]
    fields = [(name.lower(), value) for name, value in with_worker(issued, NAME)]
    assert worker_of(fields) == NAME
    assert without_worker(fields) == [(b"x", b"y"), (HEADER, session_id)]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b"abc"],
        [b"0123456789abcdef"],
        [b"0123456789abcdef-"],
        [b"0123456789ABCDEF-x"],
        [b"../../../../etc/x-y"],
        [b"0123456789abcdef-x"] * 2,
    ],
)
def test_other_ids_name_no_worker(values: list[bytes]) -> None:
    assert worker_of([(HEADER, value) for value in values]) is None


@pytest.mark.parametrize("client", [("203.0.113.9", 80), ("2001:db8::1", 4711), None])
def test_the_sender_is_what_the_worker_says_not_the_client(client: tuple[str, int] | None) -> None:
    stated: Fields = [(b"x", b"y"), (SENDER, b"192.0.2.1 1"), (SENDER, b"")]
    assert without_sender(with_sender(stated, client)) == ([(b"x", b"y")], client)
    assert without_sender([(b"x", b"y"), (SENDER, b"odd")]) == ([(b"x", b"y")], None)
