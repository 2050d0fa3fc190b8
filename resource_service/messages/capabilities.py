"""The capabilities that an MCP server offers, as far as they are kept in memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resource_service.messages.exact_json import dumps

MAX_CAPABILITIES_BYTES = 16_384
"""The maximum of the capabilities of a server: they are in memory with each session."""

MAX_CAPABILITIES_VALUES = 500
"""Empty objects need a hundred times the memory of their JSON."""


def check_capabilities(offered: Mapping[str, Any]) -> None:
    """Check that capabilities can be kept with each session.

    Raises:
        ValueError: they are too large.
    """
    if len(dumps(offered)) > MAX_CAPABILITIES_BYTES:
        raise ValueError(f"its capabilities are larger than {MAX_CAPABILITIES_BYTES} bytes")
    if not _has_few_values(offered):
        raise ValueError(f"its capabilities have more than {MAX_CAPABILITIES_VALUES} values")


def _has_few_values(capabilities: Mapping[str, Any]) -> bool:
    waiting, seen = list[Any]([capabilities]), 0
    while waiting:
        value = waiting.pop()
        seen += 1
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend(inner)
    return seen <= MAX_CAPABILITIES_VALUES
