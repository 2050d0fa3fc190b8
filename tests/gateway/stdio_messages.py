"""The messages in a response of the gateway."""

from __future__ import annotations

import json
from typing import Any

import httpx2


def messages_in(response: httpx2.Response) -> list[dict[str, Any]]:
    """The messages of an answer, as JSON or as events."""
    if response.headers["content-type"].startswith("application/json"):
        return [response.json()]
    lines = [line for line in response.text.splitlines() if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]
