"""The order of the events of a story: a cause before its effects, whatever the clocks. Pure.

Each process stamps its events with its own clock, and clocks of two hosts can be minutes apart. So a call can
carry an earlier time than the registration of its client. What must have happened first comes first: the
registration of the client, the consent, the grant, its first tokens, then all else. Apart from that, events
are in the order of their times, and those of one chain in the order of the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from auth_service.journal.newest_first import read_place
from shared.journal.event import EventKind

_FIRST_GENERATIONS = (0, 1)
"""Generations of first tokens: a grant with a code counts from 0, one without begins with its tokens."""


class _Stage(IntEnum):
    """The stages of a connection, each after the ones before; logins and the like need none of them."""

    ACCOUNT = 0
    REGISTRATION = 1
    CONSENT = 2
    GRANT = 3
    FIRST_TOKENS = 4
    USE = 5


_STAGES = {
    EventKind.CLIENT_REGISTERED: _Stage.REGISTRATION,
    EventKind.CONSENT: _Stage.CONSENT,
    EventKind.GRANT_OPENED: _Stage.GRANT,
}

_Cause = tuple[object, ...]


def causes_first(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events in their order: each not before what it needs.

    Args:
        events: with the `id` that a search gives them.
    """
    staged = [(_stage_of(event), read_place(event["id"]), event) for event in events]
    begun: dict[_Cause, int] = {}
    timed = []
    for stage, place, event in sorted(staged, key=lambda each: each[:2]):
        time_ms = max([place.time_ms, *(begun.get(cause, 0) for cause in _causes_of(event, stage))])
        if (cause := _caused_by(event, stage)) is not None:
            begun[cause] = max(time_ms, begun.get(cause, 0))
        timed.append((time_ms, stage, place, event))
    return [event for *_, event in sorted(timed, key=lambda each: each[:3])]


def _stage_of(event: Mapping[str, Any]) -> _Stage:
    if event["kind"] == EventKind.TOKENS_ISSUED and event.get("generation") in _FIRST_GENERATIONS:
        return _Stage.FIRST_TOKENS
    return _STAGES.get(event["kind"], _Stage.USE if event.get("client") else _Stage.ACCOUNT)


def _caused_by(event: Mapping[str, Any], stage: _Stage) -> _Cause | None:
    """Return what begins with an event; None if nothing does."""
    match stage:
        case _Stage.REGISTRATION:
            return _client(event)
        case _Stage.CONSENT:
            return _consent(event) if event.get("allowed") is True else None
        case _Stage.GRANT | _Stage.FIRST_TOKENS:
            return _grant(event)
        case _Stage.ACCOUNT | _Stage.USE:
            return None


def _causes_of(event: Mapping[str, Any], stage: _Stage) -> list[_Cause]:
    """Return what must have begun before an event: at a stage before its own."""
    needed = [_client(event)] if stage > _Stage.REGISTRATION else []
    needed += [_consent(event)] if event.get("grant") and stage >= _Stage.GRANT else []
    return needed + ([_grant(event)] if stage > _Stage.GRANT else [])


def _client(event: Mapping[str, Any]) -> _Cause:
    return "client", event.get("client")


def _consent(event: Mapping[str, Any]) -> _Cause:
    return "consent", event.get("subject"), event.get("client")


def _grant(event: Mapping[str, Any]) -> _Cause:
    return "grant", event.get("grant")
