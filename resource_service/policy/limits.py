"""Limits on calls: in a time, at once, and in a day. Pure; `resource_service.limits` counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

from resource_service.policy.patterns import matches
from resource_service.policy.uris import MAX_CHARACTERS, readings, shorter
from resource_service.principal import Principal

DAY_S = 86_400
UNITS = {"second": 1, "minute": 60, "hour": 3_600}
MAX_CALLS = 1_000_000_000
MAX_CONCURRENCY = 10_000
SELECTING = ("tools", "prompts", "resources")
_NAMES = {"tools/call": "tools", "prompts/get": "prompts"}
_URIS = frozenset({"resources/read", "resources/subscribe"})


class Per(StrEnum):
    """Calls that share a count. Without any of these, no two policies ever share one: a mount has its own."""

    PERSON = "person"
    CLIENT = "client"
    AGENT = "agent"
    TOOL = "tool"
    MOUNT = "mount"


class Rate(NamedTuple):
    """A number of calls in each window of time, which begins with the first of them."""

    calls: int
    unit: str

    @property
    def window_s(self) -> int:
        """The length of the window in seconds."""
        return UNITS[self.unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit on the calls of one mount.

    Attributes:
        per: what has a count of its own: each combination of these.
        rate: the calls in a window.
        concurrency: the calls at the same time.
        daily: the calls from midnight to midnight, UTC.
        selected: patterns for the names of tools and prompts and the URIs of resources, by kind; all calls of
            these kinds count if it is empty.
    """

    per: tuple[Per, ...]
    rate: Rate | None = None
    concurrency: int | None = None
    daily: int | None = None
    selected: Mapping[str, tuple[str, ...]]

    def covers(self, call: LimitedCall) -> bool:
        """Check whether the limit counts `call`."""
        if not self.selected:
            return True
        patterns = self.selected.get(call.kind, ())
        if not call.readings:
            return bool(patterns)
        return any(matches(pattern, name) for pattern in patterns for name in call.readings)


Limits = Mapping[str, Limit]
"""Limits by name. Every limit that covers a call counts it."""


class LimitedCall(NamedTuple):
    """A call that limits count.

    Attributes:
        kind: of `SELECTING`.
        name: the name or URI.
        readings: all ways in which a server may read `name`; empty if they are too many to examine.
    """

    kind: str
    name: str
    readings: tuple[str, ...]


class Use(NamedTuple):
    """Calls of one request that count against the same limit.

    Attributes:
        limit: its name.
        who: what has the count, as texts that together name it.
        names_tool: whether a name that the caller chose is part of `who`.
    """

    limit: str
    who: tuple[str, ...]
    names_tool: bool


def uses(limits: Limits, principal: Principal, messages: Iterable[object]) -> Counter[Use]:
    """Return what the calls among `messages` count against, and how often."""
    if not limits:
        return Counter()
    calls = [call for message in messages if (call := _call(message)) is not None]
    return Counter(
        Use(
            name, tuple(chain.from_iterable(_who(per, principal, call) for per in limit.per)), _by_tool(limit)
        )
        for call in calls
        for name, limit in limits.items()
        if limit.covers(call)
    )


def _by_tool(limit: Limit) -> bool:
    return Per.TOOL in limit.per


def _who(per: Per, principal: Principal, call: LimitedCall) -> Iterator[str]:
    match per:
        case Per.PERSON:
            yield from ("person", *principal.person)
        case Per.CLIENT:
            yield from ("client", principal.client_id)
        case Per.AGENT:
            yield from ("agent", *_agent(principal))
        case Per.TOOL:
            # There are as many URIs as a caller likes: reading resources is one thing that is done.
            yield from ("tool", call.kind, "" if call.kind == "resources" else call.name)
        case Per.MOUNT:
            yield "mount"


def _agent(principal: Principal) -> tuple[str, ...]:
    """Return who acts: the current actor (RFC 8693 §4.1), or else the client."""
    actor = principal.act or {}
    subject, issuer = actor.get("sub"), actor.get("iss")
    if not isinstance(subject, str):
        return ("client", principal.client_id)
    return ("actor", issuer if isinstance(issuer, str) else "", subject)


def _call(message: object) -> LimitedCall | None:
    match message:
        case {"method": str(method), "params": dict(params)}:
            return _named(method, params)
        case {"method": str(method)}:
            return _named(method, {})
        case _:
            return None


def _named(method: str, params: Mapping[str, Any]) -> LimitedCall | None:
    if (kind := _NAMES.get(method)) is not None:
        name = _text(params.get("name"))
        return LimitedCall(kind, name, (name,))
    if method in _URIS:
        uri = _text(params.get("uri"))
        return LimitedCall("resources", uri, tuple(_read_as(uri)))
    return None


def _read_as(uri: str) -> list[str]:
    """Return the readings of a URI, each also without its optional parts."""
    if len(uri) > MAX_CHARACTERS:
        return []
    read_as = list(readings(uri))
    return [] if "" in read_as else [form for each in read_as for form in (each, *shorter(each))]


def _text(name: object) -> str:
    return name if isinstance(name, str) else ""


def explained(name: str, limit: Limit, exceeded: str) -> str:
    """Return a sentence about a limit that is reached, for a model.

    Args:
        exceeded: ``rate``, ``concurrency`` or ``daily``.
    """
    amount = _amounts(limit)[exceeded]
    return f"The limit {name!r} is reached: {amount} for each {_whose(limit)}. The call was not run."


def described(limit: Limit) -> str:
    """Return the amounts of a limit, and what they are for."""
    return f"{', '.join(_amounts(limit).values())} for each {_whose(limit)}"


def _amounts(limit: Limit) -> dict[str, str]:
    return {
        **({"rate": f"{limit.rate.calls} calls per {limit.rate.unit}"} if limit.rate else {}),
        **({"concurrency": f"{limit.concurrency} calls at the same time"} if limit.concurrency else {}),
        **({"daily": f"{limit.daily} calls per day (UTC)"} if limit.daily else {}),
    }


def _whose(limit: Limit) -> str:
    return " and ".join(per.value for per in limit.per)
