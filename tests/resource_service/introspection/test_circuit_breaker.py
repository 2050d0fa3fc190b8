"""While the authorization server is down nobody waits for it, and nobody is told that a token is bad."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from resource_service.introspection.circuit_breaker import (
    FAILURES,
    PROBE_EVERY_S,
    PROBE_WAIT_S,
    CircuitBreaker,
)
from resource_service.introspection.client import IntrospectionUnavailableError, ServerDownError
from resource_service.reasons import Reason
from shared.introspection import ActiveToken

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-7")]

TOKEN = ActiveToken(client_id="client", scopes=(), audience=(), issuer="issuer", expires_at=2_000_000_000)


class Server:
    """The introspection behind the breaker, and its clock.

    Attributes:
        trouble: what happens to a question; None for an answer.
        hangs: questions wait until `go_on` is set.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.requests = 0
        self.trouble: Exception | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.breaker = CircuitBreaker(self.answer, lambda: self.now)

    async def answer(self, token: str) -> ActiveToken | None:
        self.requests += 1
        trouble = self.trouble
        await self.go_on.wait()
        if trouble:
            raise trouble
        return TOKEN if token == "good" else None

    async def down(self, times: int) -> None:
        """So many failures."""
        self.trouble = ServerDownError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "no answer")
        for _ in range(times):
            with pytest.raises(IntrospectionUnavailableError):
                await self.breaker("good")


async def test_answers_pass_through() -> None:
    server = Server()
    assert await server.breaker("good") is TOKEN
    assert await server.breaker("bad") is None


async def test_after_enough_failures_only_probes_are_put_and_one_answer_ends_it() -> None:
    server = Server()
    await server.down(FAILURES)
    await server.down(100)
    assert server.requests == FAILURES + 1
    server.now += PROBE_EVERY_S
    await server.down(100)
    assert server.requests == FAILURES + 2
    server.trouble = None
    server.now += PROBE_EVERY_S
    assert [await server.breaker("good") for _ in range(10)] == [TOKEN] * 10


async def test_an_answer_in_between_means_that_it_is_up() -> None:
    server = Server()
    for _ in range(5):
        await server.down(FAILURES - 1)
        server.trouble = None
        assert await server.breaker("bad") is None
    assert server.requests == 5 * FAILURES


async def test_an_odd_answer_about_one_token_keeps_nobody_from_asking() -> None:
    server = Server()
    server.trouble = IntrospectionUnavailableError(
        Reason.INTROSPECTION_ANSWER_MALFORMED, "the answer is malformed"
    )
    for _ in range(10 * FAILURES):
        with pytest.raises(IntrospectionUnavailableError, match="malformed"):
            await server.breaker("odd")
    assert server.requests == 10 * FAILURES


async def test_an_odd_answer_shows_that_it_is_up() -> None:
    server = Server()
    for _ in range(3):
        await server.down(FAILURES - 1)
        server.trouble = IntrospectionUnavailableError(Reason.INTROSPECTION_ANSWER_MALFORMED, "malformed")
        with pytest.raises(IntrospectionUnavailableError, match="malformed"):
            await server.breaker("odd")
    assert server.requests == 3 * FAILURES


async def test_five_failures_right_after_an_answer_are_enough_and_a_probe_goes_twice_a_second() -> None:
    server = Server()
    assert await server.breaker("good") is TOKEN
    await server.down(7)
    assert server.requests == 1 + 5 + 1
    server.now += 0.5
    await server.down(2)
    assert server.requests == 1 + 5 + 2


async def test_a_probe_that_is_stuck_does_not_keep_the_next_one_from_finding_it_up() -> None:
    server = Server()
    await server.down(FAILURES)
    server.go_on.clear()
    stuck = asyncio.create_task(server.breaker("good"))
    for _ in range(3):  # the request, its probe, the question
        await asyncio.sleep(0)
    server.go_on.set()
    server.go_on = asyncio.Event()
    server.go_on.set()
    server.trouble = None
    server.now += PROBE_EVERY_S
    with suppress(ServerDownError):  # nobody waits for this probe
        await server.breaker("good")
    await asyncio.sleep(0)
    assert await server.breaker("good") is TOKEN
    with pytest.raises(ServerDownError):
        await stuck


async def test_failures_of_questions_from_before_its_return_do_not_count_against_it() -> None:
    server = Server()
    server.trouble = ServerDownError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "no answer")
    hanging, server.go_on = server.go_on, asyncio.Event()
    late = [asyncio.create_task(server.breaker("good")) for _ in range(10 * FAILURES)]
    await asyncio.sleep(0)
    released, server.go_on = server.go_on, hanging
    server.trouble = None
    server.now += 1
    assert await server.breaker("good") is TOKEN
    released.set()
    errors = await asyncio.gather(*late, return_exceptions=True)
    assert {type(error) for error in errors} == {ServerDownError}
    assert await server.breaker("good") is TOKEN


async def test_requests_that_are_not_let_through_learn_why() -> None:
    server = Server()
    await server.down(FAILURES)
    server.trouble = ServerDownError(Reason.INTROSPECTION_ANSWER_MALFORMED, "no answer")
    with pytest.raises(ServerDownError):
        await server.breaker("good")
    with pytest.raises(IntrospectionUnavailableError, match=r"not asked.*no answer") as refused:
        await server.breaker("good")
    assert refused.value.reason is Reason.INTROSPECTION_ANSWER_MALFORMED


async def test_one_question_that_ran_into_its_timeout_is_enough() -> None:
    server = Server()
    server.trouble = ServerDownError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "no answer within 5 s")
    server.go_on.clear()
    stuck = asyncio.create_task(server.breaker("good"))
    await asyncio.sleep(0)
    server.now += 5
    server.go_on.set()
    with pytest.raises(ServerDownError):
        await stuck
    await server.down(100)
    assert server.requests == 2


async def test_nobody_waits_for_a_probe_that_gets_no_answer() -> None:
    server = Server()
    await server.down(FAILURES)
    server.go_on.clear()
    async with asyncio.timeout(PROBE_WAIT_S + 2):
        await server.down(10)
    assert server.requests == FAILURES + 1


async def test_the_late_answer_to_a_probe_closes_the_circuit() -> None:
    server = Server()
    await server.down(FAILURES)
    server.trouble = None
    server.go_on.clear()
    with pytest.raises(ServerDownError, match="not asked"):
        await server.breaker("good")
    server.go_on.set()
    await asyncio.sleep(0)
    assert [await server.breaker("good") for _ in range(10)] == [TOKEN] * 10
