"""The commands of `shared.storage.steps`, and what their answers mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from shared.storage.interface import Count
from shared.storage.redis_connection import Argument
from shared.storage.redis_scripts import COUNT, INDEX_ADD, INDEX_ADD_WITHIN, REPLACE, Script
from shared.storage.steps import AddMember, AddMemberWithin, CountUp, Create, ReadMany, Replace, Step


def lifetime_ms(ttl_s: int | None) -> str:
    """Return the milliseconds as text, empty for a key without a lifetime.

    Raises:
        ValueError: it is less than a second.
    """
    if ttl_s is not None and ttl_s < 1:
        raise ValueError("a lifetime must be at least one second")
    return "" if ttl_s is None else str(ttl_s * 1000)


def create(key: str, value: bytes, ttl_s: int | None) -> tuple[Argument, ...]:
    """Return the command that writes a key which does not exist."""
    milliseconds = lifetime_ms(ttl_s)
    return ("SET", key, value, "NX", *(("PX", milliseconds) if milliseconds else ()))


def count_of(answer: object) -> Count:
    """Return the outcome of the script `COUNT`."""
    admitted, value, left_ms = cast("list[int]", answer)
    return Count(bool(admitted), value, max(1, -(-left_ms // 1000)))


def command_of(step: Step) -> tuple[Argument, ...]:
    """Return the command of a step.

    Raises:
        ValueError: its lifetime is less than a second.
    """
    match step:
        case Create(key, value, ttl_s):
            return create(key, value, ttl_s)
        case Replace(key, old, new, ttl_s):
            return _whole(REPLACE, key, old, new, lifetime_ms(ttl_s))
        case AddMember(key, member, ttl_s):
            return _whole(INDEX_ADD, key, member, lifetime_ms(ttl_s))
        case AddMemberWithin(key, member, ttl_s, limit):
            return _whole(INDEX_ADD_WITHIN, key, member, lifetime_ms(ttl_s), str(limit))
        case CountUp(key, ttl_s, limit):
            return _whole(COUNT, key, "1", str(limit), lifetime_ms(ttl_s))
        case ReadMany(keys):
            return ("MGET", *keys)


def results(steps: Sequence[Step], answers: Sequence[object]) -> list[Any]:
    """Return the result of each step."""
    return [_result(step, answer) for step, answer in zip(steps, answers, strict=True)]


def _whole(script: Script, key: str, *arguments: Argument) -> tuple[Argument, ...]:
    # Not by its digest: if Redis had forgotten it, the steps after it would take effect without this one.
    return ("EVAL", script.text, "1", key, *arguments)


def _result(step: Step, answer: object) -> object:
    match step:
        case ReadMany():
            return answer
        case CountUp():
            return count_of(answer)
        case AddMember():
            return None
        case _:
            return bool(answer)
