"""JSON-RPC messages read so strictly that nobody behind us can read them differently.

What is checked here is run by what another parser makes of it. Where two may differ (a member given twice,
another encoding, a number out of range, nesting without end), the message is refused instead of guessed at.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

PARSE_ERROR = -32700


class MalformedMessageError(ValueError):
    """The body is not JSON, or not JSON that means one thing only. The message says what is wrong."""


def parse_messages(body: bytes) -> list[object]:
    """The messages of a POST: those of a batch, or the single one.

    Raises:
        MalformedMessageError: see the module.
    """
    try:
        parsed = json.loads(body.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except MalformedMessageError:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedMessageError("The body is not JSON.") from error
    return parsed if isinstance(parsed, list) else [parsed]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedMessageError("The body names a member of an object twice.")
    return members


def _no_constant(_name: str) -> NoReturn:
    raise MalformedMessageError("The body holds a number that JSON does not have.")
