"""JSON from strangers (RFC 8259)."""

from __future__ import annotations

import json


def parse_json(text: bytes) -> object:
    """The value that `text` is.

    Raises:
        ValueError: it is not UTF-8, not JSON, nested too deeply, or holds text that is not Unicode.
    """
    try:
        value: object = json.loads(text.decode("utf-8-sig"), parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
