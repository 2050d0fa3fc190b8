"""When a credential may be used again, and for how long (GW-1)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from resource_service.connected_accounts.accounts import KEEP_FOR_S, ConnectedAccounts
from resource_service.connected_accounts.answers import Account, ConnectLink, Credential
from resource_service.connected_accounts.client import Question
from resource_service.introspection.cache import LIVE_FOR_S
from resource_service.principal import Principal
from shared.disconnections import Disconnection

pytestmark = pytest.mark.anyio

HERE = "https://mcp.example/github"
ALICE = Principal(
    client_id="c", scopes=(), issuer="i", expires_at=1, subject="alice", grant_id="g", parent_grants=("p",)
)
QUESTION = Question(holder="g", resource=HERE, token="t", principal=ALICE)
ENDED = Disconnection("alice", HERE, "1")


class World:
    """Accounts whose feed has just answered, and what the authorization server answers."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.questions: list[Question] = []
        self.answer: Account | None = Credential(secret="Bearer s", version="1", expires_in=None)
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.accounts = ConnectedAccounts(self._ask, lambda: self.now)
        self.poll()

    async def _ask(self, question: Question) -> Account | None:
        self.questions.append(question)
        answer = self.answer
        await self.may_answer.wait()
        return answer

    def poll(self, *ended: Disconnection) -> None:
        self.accounts.disconnected(ended)
        self.accounts.confirm(self.now)

    def advance(self, seconds: float) -> None:
        """Let time pass, with a poll each second."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + 1, until)
            self.poll()

    async def asks(self, question: Question = QUESTION) -> bool:
        """Whether a request needs a question."""
        before = len(self.questions)
        await self.accounts.get(question)
        return len(self.questions) > before


@pytest.mark.parametrize("expires_in", [None, 3_000])
async def test_a_credential_is_used_again_for_a_minute_at_most(expires_in: int | None) -> None:
    world = World()
    world.answer = Credential(secret="Bearer s", version="1", expires_in=expires_in)
    assert await world.asks()
    world.advance(KEEP_FOR_S - 0.5)
    assert not await world.asks()
    world.advance(0.5)
    assert await world.asks()


async def test_a_credential_is_not_used_beyond_its_expiry() -> None:
    world = World()
    world.answer = Credential(secret="Bearer s", version="1", expires_in=10)
    assert await world.asks()
    world.advance(9)
    assert not await world.asks()
    world.advance(1)
    assert await world.asks()


@pytest.mark.requirement("GW-1")
async def test_nothing_kept_is_used_while_the_feed_is_silent() -> None:
    world = World()
    assert await world.asks()
    world.now += LIVE_FOR_S
    assert await world.asks()


async def test_nothing_is_kept_if_the_server_does_not_tell_of_disconnections() -> None:
    world = World()
    world.accounts.disconnected(None)
    world.accounts.confirm(world.now)
    assert await world.asks()
    assert await world.asks()


async def test_the_account_of_another_grant_or_resource_is_another_question() -> None:
    world = World()
    assert await world.asks()
    assert await world.asks(replace(QUESTION, holder="h"))
    assert await world.asks(replace(QUESTION, resource="https://mcp.example/slack"))


@pytest.mark.requirement("GW-1")
@pytest.mark.parametrize(
    "ended",
    [
        ENDED,
        Disconnection("alice", f"{HERE}/", "9"),
        Disconnection("alice", "HTTPS://MCP.example/github", "0"),
    ],
)
async def test_a_disconnection_ends_the_use_and_the_requests_in_progress(ended: Disconnection) -> None:
    world, stopped = World(), list[str]()
    assert await world.asks()
    with world.accounts.in_use(QUESTION, lambda: stopped.append("alice")):
        world.poll(ended)
        world.poll(ended)
    assert stopped == ["alice"]
    assert await world.asks()


@pytest.mark.parametrize(
    "ended", [Disconnection("bob", HERE, "1"), Disconnection("alice", "https://mcp.example/slack", "1")]
)
async def test_a_disconnection_of_another_account_changes_nothing(ended: Disconnection) -> None:
    world, stopped = World(), list[str]()
    assert await world.asks()
    with world.accounts.in_use(QUESTION, lambda: stopped.append("alice")):
        world.poll(ended)
    assert not stopped
    assert not await world.asks()


async def test_an_answer_from_before_a_disconnection_is_not_shared() -> None:
    world = World()
    world.may_answer.clear()
    first = asyncio.create_task(world.accounts.get(QUESTION))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.poll(Disconnection("alice", HERE, "0"))
    second = asyncio.create_task(world.accounts.get(QUESTION))
    await asyncio.sleep(0)
    world.may_answer.set()
    await asyncio.gather(first, second)
    assert len(world.questions) == 2


async def test_an_answer_from_before_a_disconnection_is_not_kept() -> None:
    world = World()
    world.may_answer.clear()
    first = asyncio.create_task(world.accounts.get(QUESTION))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.poll(Disconnection("alice", HERE, "0"))
    world.may_answer.set()
    await first
    assert await world.asks()


async def test_a_version_that_has_ended_is_not_kept() -> None:
    world = World()
    world.poll(ENDED)
    assert await world.asks()
    assert await world.asks()


@pytest.mark.parametrize("grant_id", ["g", "p"])
async def test_the_end_of_a_grant_drops_its_credentials(grant_id: str) -> None:
    world = World()
    assert await world.asks()
    world.accounts.revoke(grant_id)
    assert await world.asks()


async def test_requests_that_report_the_same_refused_version_share_one_question() -> None:
    world = World()
    refused = await world.accounts.get(QUESTION)
    assert isinstance(refused, Credential)
    world.answer = replace(refused, version="2")
    tasks = [asyncio.create_task(world.accounts.replacement(QUESTION, refused)) for _ in range(20)]
    answers = await asyncio.gather(*tasks)
    later = await world.accounts.replacement(QUESTION, refused)
    assert [question.rejected for question in world.questions] == [None, "1"]
    assert {answer.version for answer in [*answers, later] if isinstance(answer, Credential)} == {"2"}
    assert all(isinstance(answer, Credential) and answer.replaces_refused for answer in [*answers, later])


def test_no_representation_shows_a_credential_a_token_or_a_link() -> None:
    link = ConnectLink(
        provider="GitHub", url="https://i/connect/secret", elicitation_id="secret", expires_in=1
    )
    credential = Credential(secret="Bearer secret", version="1", expires_in=None)
    for value in (credential, link, replace(QUESTION, token="secret")):
        assert "secret" not in f"{value!r} {value}"
