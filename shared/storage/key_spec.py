"""The description of a family of keys, and how the keys of the authorization server begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "doorward:"


@dataclass(frozen=True)
class KeySpec:
    """One family of keys.

    Attributes:
        pattern: the key, with its variable parts in braces.
        value: the stored value; the members, for an index.
        lifetime: in words, naming the setting that determines it.
        kind: a JSON document, an index of members (`Store.index_add`), a counter (`Store.count`), or a log
            (`Store.log_append`).
    """

    pattern: str
    value: str
    lifetime: str
    kind: Literal["document", "index", "counter", "log"] = "document"
