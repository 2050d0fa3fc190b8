"""Strict parsing of JSON-RPC messages: no server behind us can interpret them differently.

The checked message is executed as another parser interprets it. Wherever two parsers may differ (a duplicate
member, a name that folds to another one, another encoding, unlimited nesting), the message is refused instead
of guessed at. What is forwarded is not the received text but the parsed message, serialized again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resource_service.messages.exact_json import Pairs, UnreadableError, dumps, loads
from resource_service.messages.member_names import fault_in

PARSE_ERROR = -32700
INVALID_REQUEST = -32600


class MalformedMessageError(ValueError):
    """The body is not unambiguous JSON. The message says what is wrong.

    Args:
        code: the code of the JSON-RPC error.
    """

    def __init__(self, says: str, code: int = PARSE_ERROR) -> None:
        super().__init__(says)
        self.code = code


@dataclass(frozen=True, slots=True)
class Posted:
    """The content of a POST.

    Attributes:
        messages: the messages of a batch, or the single one.
        body: the same, serialized again.
    """

    messages: list[object]
    is_batch: bool
    body: bytes


def read_posted(body: bytes) -> Posted:
    """Parse the messages of a POST.

    Raises:
        MalformedMessageError: see the module.
    """
    try:
        parsed = distinct_members(body)
    except UnreadableError as error:
        raise MalformedMessageError(str(error)) from error
    messages = parsed if isinstance(parsed, list) else [parsed]
    for message in messages:
        if reason := fault_in(message):
            raise MalformedMessageError(reason, INVALID_REQUEST)
    return Posted(messages, isinstance(parsed, list), dumps(parsed))


def object_in(value: object, member: str) -> Mapping[str, Any]:
    """Return the object that is a member of `value`; an empty one for anything else."""
    inner = value.get(member) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def distinct_members(text: bytes) -> Any:  # noqa: ANN401
    """Parse a JSON text without repeated members, which parsers resolve in different ways.

    Raises:
        UnreadableError: see `loads`, or a member is repeated.
    """
    return loads(text, object_of=_distinct)


def _distinct(pairs: Pairs) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnreadableError("The body contains an object with a repeated member.")
    return members
