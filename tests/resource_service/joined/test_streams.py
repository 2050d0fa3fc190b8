"""The streams of several mounts as one (GW-3)."""

from __future__ import annotations

import json
from collections.abc import Sequence

import anyio
import pytest
from starlette.types import Message, Send

from resource_service.joined import listening, streams
from resource_service.joined.listening import Acknowledgements
from resource_service.joined.server_messages import JoinedMessages
from resource_service.joined.streams import Access, Opening, PartStream, merged
from resource_service.notifier import Notifier
from tests.resource_service.joined.mounts import never, request_to

pytestmark = [pytest.mark.requirement("GW-3"), pytest.mark.anyio]
EVENT = b'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'
WITHIN_S = 30.0


class Answering:
    """A mount that answers with each status in turn; at 200, it sends an event and waits, or ends.

    Args:
        ends: whether a stream ends after its event.
        access: in turn, at each attempt to open the stream again.
    """

    def __init__(self, *statuses: int, ends: bool = False, access: Sequence[Access] = ()) -> None:
        self.statuses = list(statuses)
        self.ends = ends
        self.decisions = list(access)

    def is_stopped(self) -> bool:
        """Whether the operator has stopped the mount."""
        return self.decisions[:1] == [Access.WITHHELD]

    async def access(self) -> Access:
        """The next decision, and GRANTED in the end."""
        return self.decisions.pop(0) if self.decisions else Access.GRANTED

    async def __call__(self, send: Send) -> None:
        await anyio.sleep(0.01)
        status = self.statuses.pop(0)
        headers = [(b"content-type", b"text/event-stream" if status == 200 else b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if status == 200:
            await send({"type": "http.response.body", "body": EVENT, "more_body": True})
            if not self.ends:
                await anyio.sleep_forever()


def parts_of(mounts: Sequence[Answering]) -> list[PartStream]:
    """The streams of mounts that are named m0, m1 and so on."""
    return [
        PartStream(
            mount=f"m{number}",
            run=mount,
            editor=JoinedMessages(
                mount=f"m{number}",
                answers=lambda _key: False,
                reports=lambda _key: False,
                asks=True,
                on_change=lambda: None,
            ),
            access=mount.access,
            is_stopped=mount.is_stopped,
        )
        for number, mount in enumerate(mounts)
    ]


async def received(mounts: Sequence[Answering], *, at_least: int) -> list[bytes]:
    """The parts of the body that a client gets, until it has so many of them."""
    parts = parts_of(mounts)
    opening, bodies, enough = Opening(part.mount for part in parts), [], anyio.Event()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            bodies.append(message["body"])
        if len(bodies) >= at_least:
            enough.set()

    app = merged(
        lambda: parts,
        Notifier(),
        mounts=[part.mount for part in parts],
        first=opening.event,
        answered=opening.answered,
        at_end=lambda: None,
    )

    async def serve(to: Send) -> None:
        await app({"type": "http"}, never, to)
        enough.set()

    with anyio.fail_after(WITHIN_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, send)
            await enough.wait()
            tasks.cancel_scope.cancel()
    return bodies


@pytest.mark.parametrize("statuses", [(409, 200), (503, 409, 200), (200,)])
async def test_a_stream_that_its_mount_does_not_open_yet_is_tried_again(
    statuses: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "AGAIN_AFTER_S", 0.001)
    first, event = await received([Answering(*statuses)], at_least=2)
    assert first.startswith(b":")
    assert b"tools/list_changed" in event


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_a_stream_that_its_mount_refuses_is_not_tried_again(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "AGAIN_AFTER_S", 0.001)
    refusing = Answering(status, 200)
    bodies = await received([refusing, Answering(503, 200)], at_least=2)
    assert len(bodies) == 2
    assert refusing.statuses == [200]


async def test_a_stream_of_a_mount_that_the_token_has_lost_is_not_opened_again_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "AGAIN_AFTER_S", 0.001)
    lost = Answering(200, 200, ends=True, access=[Access.LOST])
    stays = Answering(200, 200, 200, ends=True)
    bodies = await received([lost, stays], at_least=5)
    assert sum(b"tools/list_changed" in body for body in bodies) == 4
    assert (lost.statuses, stays.statuses) == ([200], [])


async def test_the_stream_ends_with_the_last_mount_of_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "AGAIN_AFTER_S", 0.001)
    mounts = [Answering(200, 200, ends=True, access=[Access.LOST]) for _ in range(2)]
    bodies = await received(mounts, at_least=100)
    assert bodies[-1] == b""
    assert len(bodies) == 4


@pytest.mark.parametrize("status", [200, 403])
async def test_a_stopped_mount_is_back_when_the_operator_resumes_it(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stream ends, or is refused: 200 without a stream for a subscription, 403 for a GET."""
    monkeypatch.setattr(streams, "AGAIN_AFTER_S", 0.001)
    stopped = Answering(status, 200, ends=True, access=[Access.WITHHELD] * 3)
    bodies = await received([stopped], at_least=2 if status == 403 else 3)
    assert b"tools/list_changed" in bodies[-1]
    assert stopped.decisions == []


@pytest.mark.parametrize(
    ("access", "statuses", "decisions"),
    [
        ([Access.LOST] * 2, [200], 1),
        ([Access.WITHHELD, Access.LOST], [200], 0),
        ([Access.WITHHELD] * 2, [], 0),
    ],
)
async def test_a_stream_is_opened_later_only_after_a_new_check_of_its_token(
    access: list[Access], statuses: list[int], decisions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mount had refused its first stream, so that nothing of it was open when the scopes went."""
    monkeypatch.setattr(streams, "AGAIN_AFTER_S", 0.001)
    refused, stays, changed = Answering(405, 200, access=access), Answering(200), Notifier()
    monkeypatch.setattr(refused, "is_stopped", lambda: False)  # WITHHELD: the token cannot be checked
    bodies: list[bytes] = []
    begun = anyio.Event()

    async def send(message: Message) -> None:
        bodies.append(message.get("body", b""))
        if len(bodies) == 3:  # the start, the comment, and the event of the other mount
            begun.set()

    opening = Opening(["m0", "m1"])
    app = merged(
        lambda: parts_of([refused, stays]),
        changed,
        mounts=["m0", "m1"],
        first=opening.event,
        answered=opening.answered,
        at_end=lambda: None,
    )

    async def serve() -> None:
        await app({"type": "http"}, never, send)

    with anyio.fail_after(WITHIN_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            await begun.wait()
            for _ in range(3):
                changed.send()  # the session of a mount was opened again
                await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()
    assert refused.statuses == statuses
    assert len(refused.decisions) == decisions
    assert len(bodies) == (3 if statuses else 4)


async def test_the_response_begins_when_every_mount_has_answered() -> None:
    mounts = [Answering(405), Answering(200)]
    bodies = await received(mounts, at_least=1)
    assert bodies[0].startswith(b":")
    assert [mount.statuses for mount in mounts] == [[], []]


async def test_what_mounts_acknowledge_more_than_once_is_not_kept() -> None:
    acknowledgements = Acknowledgements(request_to(message={"id": 1, "method": "subscriptions/listen"}))
    acknowledgements.waiting = {"one", "two"}
    acknowledgements.note("two", {"notifications": {"toolsListChanged": True}})
    for number in range(100):
        acknowledgements.note("one", {f"x{number}": 1, "notifications": {"taskIds": [f"t{number}"]}})
    acknowledged = json.loads((await acknowledgements.event()).partition(b"data: ")[2])["params"]
    assert {name for name in acknowledged if name.startswith("x")} == {"x0"}
    assert len(acknowledged["notifications"]["taskIds"]) == 1


async def test_what_a_mount_acknowledges_too_late_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "ACKNOWLEDGED_WITHIN_S", 0.01)
    acknowledgements = Acknowledgements(request_to(message={"id": 1, "method": "subscriptions/listen"}))
    acknowledgements.waiting = {"one"}
    await acknowledgements.event()
    acknowledgements.note("one", {"x": 1})
    assert b'"x"' not in await acknowledgements.event()
