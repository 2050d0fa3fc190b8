"""Every key of the resource service's store. `docs/reference/storage.md` shows this table.

All begin with `PREFIX` and the id of the service at the introspection endpoint, so that a user of Redis can
be limited to them, and several resource services can share a server.
"""

from __future__ import annotations

import hashlib

from shared import base64url
from shared.storage import key_spec
from shared.storage.key_spec import KeySpec

PREFIX = "doorward-resource:"

SCHEMA: tuple[KeySpec, ...] = (
    KeySpec("{server_id}:dpop-proof:{hash}", "empty: marks a DPoP proof as used", "151 s"),
    KeySpec(
        "{server_id}:dpop-proofs-of:{hash}",
        "the number of DPoP proofs that one person, or client that acts for itself, has used",
        "151 s from the first",
        kind="counter",
    ),
    KeySpec(
        "{server_id}:limit-count:{hash}",
        "the number of calls that a limit of the policy counts together",
        "the window of the limit, from the first call; a day's: until an hour after midnight UTC",
        kind="counter",
    ),
    KeySpec(
        "{server_id}:limit-slots:{hash}",
        "the calls under way that a limit of the policy counts together, or the exchanges or commands of a"
        " person",
        "30 s, renewed as long as the call or the command runs",
        kind="index",
    ),
    KeySpec(
        "{server_id}:pins:{hash}",
        "the first list, or the first instructions, of an MCP server that was pinned, as a lock file",
        "600 s, renewed as long as a process has it pinned without a lock file",
    ),
    KeySpec(
        "{server_id}:replica:{hash}",
        "the URL at which other replicas reach a process with sessions, how long this is valid, and a tag"
        " that shows that a replica has written it",
        "60 s, renewed as long as the process runs",
    ),
    KeySpec(
        "{server_id}:limit-slot-wanted:{hash}",
        "empty: a process waits until another one ends an unused command of a person",
        "5 s",
    ),
)

OF_AUTHORIZATION_SERVER = f"{key_spec.PREFIX}signing-keys"
"""A key that every store of an authorization server has."""


def schema_table() -> str:
    """Render `SCHEMA` as the Markdown table of `docs/reference/storage.md`."""
    rows = [f"| `{PREFIX}{each.pattern}` | {each.kind} | {each.value} | {each.lifetime} |" for each in SCHEMA]
    return "\n".join(["| key | kind | holds | kept |", "| --- | --- | --- | --- |", *rows])


def dpop_proof(server_id: str, jkt: str, jti: str) -> str:
    """The key that marks the proof `jti` of the key with thumbprint `jkt` as used."""
    return f"{PREFIX}{server_id}:dpop-proof:{_hash(jkt, jti)}"


def dpop_proofs_of(server_id: str, owner: str) -> str:
    """The counter of the proofs of `owner`."""
    return f"{PREFIX}{server_id}:dpop-proofs-of:{_hash(owner)}"


def limit_count(server_id: str, *name: str) -> str:
    """The counter of a limit."""
    return f"{PREFIX}{server_id}:limit-count:{_hash(*name)}"


def limit_slots(server_id: str, *owner: str) -> str:
    """The index of calls under way that a limit counts together."""
    return f"{PREFIX}{server_id}:limit-slots:{_hash(*owner)}"


def pins(server_id: str, resource: str, member: str) -> str:
    """The first list of a kind that was pinned for a resource."""
    return f"{PREFIX}{server_id}:pins:{_hash(resource, member)}"


def replica(server_id: str, worker: str) -> str:
    """The announcement of a process whose session ids begin with `worker`."""
    return f"{PREFIX}{server_id}:replica:{_hash(worker)}"


def limit_slot_wanted(server_id: str, *owner: str) -> str:
    """The key that says that a process waits for a slot."""
    return f"{PREFIX}{server_id}:limit-slot-wanted:{_hash(*owner)}"


def _hash(*parts: str) -> str:
    # The length of each part, so that no two lists of parts give the same text.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return base64url.encode(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
