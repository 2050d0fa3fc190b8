"""The tools that messages call. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

CALL = "tools/call"


def called_tools(messages: Iterable[object]) -> Iterator[str]:
    """Yield the name of the tool of each call, as the message spells it."""
    for message in messages:
        if isinstance(message, dict) and message.get("method") == CALL:
            params = message.get("params")
            name = params.get("name") if isinstance(params, dict) else None
            if isinstance(name, str):
                yield name
