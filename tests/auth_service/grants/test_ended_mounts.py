"""A mount that a person has disconnected stays disconnected, whatever happens at the same moment (GW-3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from auth_service.events.publisher import decode_event
from auth_service.grants.base import TokenRequest
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidTargetError
from auth_service.protocol.grant import Grant
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.proof_source import ProofSource
from auth_service.protocol.reasons import Reason
from auth_service.protocol.token_exchange import ACCESS_TOKEN, GRANT_TYPE
from auth_service.wiring.account_page import connected_apps
from shared.storage.interface import NotReplicatedError
from tests.auth_service.access.joined import FILES, JOINED, NOTES, RESOURCES
from tests.auth_service.grants.installation import Installation
from tests.auth_service.service import RESOURCE_SECRET
from tests.refusals import because

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-3")]

TARGET = "https://mcp.example/elsewhere"
TARGET_RESOURCE = {"resource": TARGET, "name": "Elsewhere", "scopes": {"notes": "Notes", "files": "Files"}}
SERVERS = [{"id": "resource", "secret": RESOURCE_SECRET, "resources": [*RESOURCES, TARGET_RESOURCE]}]
RULE = {
    "client_id": "exchanger",
    "sources": [JOINED, NOTES, FILES],
    "targets": [TARGET, NOTES, FILES],
}
Hook = Callable[[Grant], Awaitable[None]]


class Joined:
    """A grant for all mounts of a joined resource, and a client that may exchange its tokens."""

    def __init__(self, directory: Path) -> None:
        self.here = Installation(directory, resource_servers=SERVERS, token_exchange=[RULE])
        metadata = {"token_endpoint_auth_method": "client_secret_basic", "grant_types": [GRANT_TYPE]}
        self.exchanger = Client(client_id="exchanger", created_at=0, metadata=metadata)

    async def begin(self, *scopes: str) -> None:
        await self.here.parts.clients.repository.save_document(self.exchanger)
        self.client = await self.here.client()
        owner = (await self.here.session()).owner
        self.subject = owner.subject
        self.grant = await self.here.grant(self.client, owner, scopes=scopes, resource=JOINED)
        self.tokens = await self.here.tokens(self.grant, self.client)

    async def disconnect(self, mount: str = "notes") -> None:
        apps = connected_apps(self.here.parts)
        await apps.disconnect_mount(self.subject, self.grant.grant_id, mount, "a test")

    async def refresh(self, prepare: Hook | None = None, **more: str) -> Grant:
        form = {"refresh_token": self.tokens["refresh_token"], **more}
        return await self.here.grant_types["refresh_token"].redeem(self._request(self.client, form, prepare))

    async def exchange(
        self, prepare: Hook | None = None, *, target: str = TARGET, token: str | None = None
    ) -> str:
        form = {
            "subject_token": token or self.tokens["access_token"],
            "subject_token_type": ACCESS_TOKEN,
            "audience": target,
        }
        request = self._request(self.exchanger, form, prepare)
        grant = await self.here.grant_types[GRANT_TYPE].redeem(request)
        return str((await self.here.tokens(grant, self.exchanger))["access_token"])

    def _request(self, client: Client, form: dict[str, str], prepare: Hook | None) -> TokenRequest:
        return TokenRequest(
            client=client,
            parameters=Parameters(form, ()),
            now=int(self.here.now),
            proof_source=ProofSource("192.0.2.1"),
            prepare=prepare,
        )

    async def scopes_of(self, token: str) -> tuple[str, ...] | None:
        live = await self.here.parts.grants.token_reader.live_access(token)
        return live and live[1].scopes_of(live[0].generation)


@pytest.fixture
async def joined(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Joined]:
    joined = Joined(tmp_path)
    await joined.begin("notes", "files")
    yield joined
    await joined.here.parts.grants.confirmations.aclose()
    await joined.here.store.aclose()


def once(action: Callable[[], Awaitable[object]]) -> Callable[..., Awaitable[None]]:
    """Run `action` at the first call."""
    waiting = [action]

    async def call(*_: object) -> None:
        while waiting:
            await waiting.pop()()

    return call


async def test_a_refresh_in_progress_issues_no_token_for_the_mount(joined: Joined) -> None:
    refreshed = await joined.refresh(once(joined.disconnect))
    assert (refreshed.generation, refreshed.scopes) == (2, ("files",))


async def test_a_refresh_in_between_does_not_keep_the_mount(
    joined: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_once, publish = once(joined.refresh), joined.here.store.publish

    async def refreshing(channel: str, message: bytes) -> None:
        await refresh_once()
        await publish(channel, message)

    monkeypatch.setattr(joined.here.store, "publish", refreshing)
    await joined.disconnect()
    stored = await joined.here.grants.get(joined.grant.grant_id)
    assert stored is not None
    assert (stored.generation, stored.scopes) == (2, ("files",))


async def test_a_repeated_answer_to_a_refresh_is_without_the_mount(joined: Joined) -> None:
    first = await joined.refresh()
    await joined.disconnect()
    again = await joined.refresh()
    assert (first.generation, again.generation, again.scopes) == (2, 2, ("files",))
    tokens = [(await joined.here.tokens(grant, joined.client))["access_token"] for grant in (first, again)]
    assert tokens[0] == tokens[1]
    assert await joined.scopes_of(tokens[0]) == ("files",)


async def test_tokens_that_were_exchanged_lose_the_mount_too(joined: Joined) -> None:
    exchanged = await joined.exchange()
    assert await joined.scopes_of(exchanged) == ("notes", "files")
    await joined.disconnect()
    assert await joined.scopes_of(exchanged) == ("files",)
    listed = await joined.here.grants.of_client("exchanger")
    assert [grant.scopes for grant in listed] == [("files",)]
    await joined.disconnect("files")
    assert await joined.scopes_of(exchanged) is None


async def test_an_exchange_in_progress_gives_nothing_of_the_mount(joined: Joined) -> None:
    assert await joined.scopes_of(await joined.exchange(once(joined.disconnect))) == ("files",)


async def test_tokens_for_the_own_resource_of_the_mount_end_with_it(joined: Joined) -> None:
    at_notes, at_files = [await joined.exchange(target=target) for target in (NOTES, FILES)]
    in_progress = await joined.exchange(once(joined.disconnect), target=NOTES)
    assert [await joined.scopes_of(token) for token in (at_notes, in_progress, at_files)] == [None, None, ()]
    with pytest.raises(InvalidTargetError, check=because(Reason.EXCHANGE_NOT_ALLOWED)):
        await joined.exchange(target=NOTES)


async def test_a_token_that_was_exchanged_twice_ends_with_the_mount_of_the_first(joined: Joined) -> None:
    at_notes = await joined.exchange(target=NOTES)
    elsewhere = await joined.exchange(token=at_notes)
    assert await joined.scopes_of(elsewhere) == ()
    await joined.disconnect()
    assert await joined.scopes_of(elsewhere) is None


async def test_a_narrower_token_is_exchanged_only_for_the_mounts_of_its_scopes(joined: Joined) -> None:
    grant = await joined.refresh(scope="files")
    token = (await joined.here.tokens(grant, joined.client))["access_token"]
    assert await joined.scopes_of(await joined.exchange(target=FILES, token=token)) == ()
    with pytest.raises(InvalidTargetError, check=because(Reason.EXCHANGE_NOT_ALLOWED)):
        await joined.exchange(target=NOTES, token=token)


async def test_no_detour_leads_to_a_mount_that_the_first_grant_is_not_for(joined: Joined) -> None:
    await joined.disconnect("files")
    at_notes = await joined.exchange(target=NOTES)
    with pytest.raises(InvalidTargetError, check=because(Reason.EXCHANGE_NOT_ALLOWED)):
        await joined.exchange(target=FILES, token=at_notes)


async def test_resource_servers_learn_of_it_before_and_after_it_is_written(
    joined: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced: list[tuple[str | None, bool, tuple[str, ...]]] = []

    async def publish(_channel: str, message: bytes) -> None:
        event, stored = decode_event(message), await joined.here.grants.get(joined.grant.grant_id)
        assert stored is not None
        announced.append((event.grant_id, event.changed, stored.scopes))

    monkeypatch.setattr(joined.here.store, "publish", publish)
    await joined.disconnect()
    grant_id = joined.grant.grant_id
    assert announced == [(grant_id, True, ("notes", "files")), (grant_id, True, ("files",))]
    await joined.disconnect()
    assert len(announced) == 2


async def test_the_end_of_the_last_mount_is_announced_when_another_ends_meanwhile(
    joined: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced: list[tuple[bool, bool]] = []
    meanwhile = once(lambda: joined.disconnect("files"))

    async def publish(_channel: str, message: bytes) -> None:
        event = decode_event(message)
        announced.append((event.changed, event.ends_at > 0))
        await meanwhile()

    monkeypatch.setattr(joined.here.store, "publish", publish)
    await joined.disconnect()
    assert announced == [*[(True, False)] * 3, (False, False), (False, True)]


async def test_resource_servers_learn_of_it_where_it_may_be_lost_in_a_failover(
    joined: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = AsyncMock()
    monkeypatch.setattr(joined.here.store, "publish", publish)
    monkeypatch.setattr(joined.here.store, "replace", AsyncMock(side_effect=NotReplicatedError("lags")))
    with pytest.raises(NotReplicatedError):
        await joined.disconnect()
    assert [decode_event(call.args[1]).changed for call in publish.await_args_list] == [True, True]
