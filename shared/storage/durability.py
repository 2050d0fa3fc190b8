"""When a write counts as done: the modes of durability, and the writes they apply to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, cast, get_args

from shared.storage.key_spec import PREFIX

Mode = Literal["fsync", "replicated", "relaxed"]

REPLICATION_TIMEOUT_S = 1.0
"""How long a write waits for replicas."""

SHORT_LIVED = frozenset(
    {
        "clients:unused",
        "count",
        "device",
        "federated-login",
        "known-browsers",
        "logout-return",
        "once",
        "passkey-challenge",
        "pending",
        "ping",
        "pushed",
        "second-step",
        "submission",
        "tool-calls",
        "used-names",
        "user-code",
    }
)
"""Families of keys that never wait for replicas: somebody repeats a login or a request after their loss, but
keeps every connection, and nothing that was revoked works again."""


@dataclass(frozen=True, slots=True)
class Durability:
    """When a write counts as done.

    Attributes:
        mode: ``fsync``: once the server has it, which is expected to have synced it to its disk.
            ``replicated``: once `replicas` replicas have it as well. ``relaxed``: once the server has it.
        replicas: the number of replicas to wait for.
    """

    mode: Mode = "fsync"
    replicas: int = 1

    def waits_for(self, key: str) -> bool:
        """Whether a write to `key` waits for replicas."""
        return self.mode == "replicated" and family(key) not in SHORT_LIVED


def family(key: str) -> str:
    """Return the family of a key: what it starts with, before the id."""
    name = key.removeprefix(PREFIX)
    return "clients:unused" if name == "clients:unused" else name.partition(":")[0]


def durability_from_environment() -> Durability:
    """Return the durability that the environment sets, for a command.

    Raises:
        ValueError: a variable has an invalid value.
    """
    mode = os.environ.get("DOORWARD_DURABILITY", "fsync")
    replicas = os.environ.get("DOORWARD_DURABILITY_REPLICAS", "1")
    if mode not in get_args(Mode):
        raise ValueError(f"DOORWARD_DURABILITY must be one of {', '.join(get_args(Mode))}")
    if not (replicas.isascii() and replicas.isdigit() and 1 <= int(replicas) <= 100):
        raise ValueError("DOORWARD_DURABILITY_REPLICAS must be a number from 1 to 100")
    return Durability(cast("Mode", mode), int(replicas))
