"""The members of calls in their canonical form. What many calls share is put together and encoded once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from starlette.types import Scope

from resource_service.journal.call_members import (
    CLIENT_INFO,
    MAX_NAME,
    MAX_SOFTWARE,
    Call,
    about_call,
    about_principal,
    about_request,
    software_named,
)
from resource_service.policy.rules import Policy
from resource_service.principal import Principal
from shared.journal.event import EncodedMembers, encoded_members
from shared.journal.redaction import MAX_NAMES, Redaction
from shared.kept_by_identity import KeptByIdentity

MAX_KEPT = 256
"""Different calls of tools that are remembered for a policy."""
MAX_POLICIES = 64
MAX_ARGUMENT_CHARACTERS = 512


class ToolCall(NamedTuple):
    """All of the call of a tool that its event depends on, if only the names of its arguments are recorded.

    Attributes:
        software: its name and version.
        arguments: the names of the arguments, none of which has members itself; None if there are none.
    """

    name: str
    software: tuple[str, str | None] | None
    arguments: tuple[str, ...] | None

    def to_call(self) -> Call:
        """Return a call with the same event."""
        params: dict[str, Any] = {"name": self.name}
        if self.arguments is not None:
            params["arguments"] = dict.fromkeys(self.arguments)
        if self.software is not None:
            params["_meta"] = {CLIENT_INFO: dict(zip(("name", "version"), self.software, strict=True))}
        return "tools/call", params


class EncodedCalls:
    """Encodes the members of the calls of one resource.

    Args:
        mount: its path in this service.
        hash_key: for arguments of which only a digest is kept.
    """

    def __init__(self, resource: str, mount: str, hash_key: bytes) -> None:
        self._about = {"resource": resource, "mount": mount}
        self._hash_key = hash_key
        self._of_principal = KeptByIdentity(self._encoded_principal)
        self._of_policy = KeptByIdentity(self._encoder_for, at_most=MAX_POLICIES)

    def of_request(self, scope: Scope, principal: Principal, **members: object) -> EncodedMembers:
        """Return the members that all calls of a request share, and `members`."""
        return {**self._of_principal(principal), **encoded_members({**about_request(scope), **members})}

    def of_call(self, call: Call, policy: Policy) -> EncodedMembers:
        """Return the members of one call."""
        repeated = repeated_call(call, policy)
        if repeated is not None:
            return self._of_policy(policy)(repeated)
        return encoded_members(about_call(call, policy, self._hash_key))

    def _encoded_principal(self, principal: Principal) -> EncodedMembers:
        return encoded_members({**self._about, **about_principal(principal)})

    def _encoder_for(self, policy: Policy) -> Callable[[ToolCall], EncodedMembers]:
        @lru_cache(maxsize=MAX_KEPT)
        def encoded(call: ToolCall) -> EncodedMembers:
            return encoded_members(about_call(call.to_call(), policy, self._hash_key))

        return encoded


def repeated_call(call: Call, policy: Policy) -> ToolCall | None:
    """Return what the event of a call depends on, if that is little; None if it is more."""
    method, params = call
    name, arguments, software = params.get("name"), params.get("arguments"), software_named(params)
    if method != "tools/call" or not isinstance(name, str) or len(name) > MAX_NAME:
        return None
    if software is not None and len(software[0]) + len(software[1] or "") > MAX_SOFTWARE:
        return None
    if policy.redaction(name) not in (Redaction.KEYS, Redaction.NONE):
        return None
    if not isinstance(arguments, dict):
        return ToolCall(name, software, None)
    if len(arguments) > MAX_NAMES or dict in map(type, arguments.values()):
        return None
    names = tuple(arguments)
    if sum(map(len, names)) > MAX_ARGUMENT_CHARACTERS:
        return None
    return ToolCall(name, software, names)
