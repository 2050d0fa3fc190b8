"""Requests whose response stays open to tell what happens (MCP 2026-07-28)."""

from __future__ import annotations

from collections.abc import Iterable

LISTEN = "subscriptions/listen"


def listens(messages: Iterable[object]) -> bool:
    """Check whether one of the messages asks for such a response."""
    return any(isinstance(message, dict) and message.get("method") == LISTEN for message in messages)
