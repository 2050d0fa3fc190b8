"""Approvals of calls: who decides, and when a decision may be used (GW-6). Pure.

An approval is for one binding: the digest of the grant, the session, the resource, the version of the policy,
its approver, the canonical form of the call (RFC 8785) and the mount, if the resource server names it. It is
decided once and used once. A denial is final: the same call is denied again until it expires.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from shared import base64url

LIFETIME_S = 600
"""How long a call waits for a decision, and how long a denial stands."""

USE_WITHIN_S = 300
"""How long an approval can be used after the decision."""

SELF = "self"
GROUP = "group:"
MAX_APPROVER = 200
MAX_CALL_BYTES = 8_192
"""The page shows all of it; what is not shown cannot be approved."""
MAX_MEMBER = 200
MAX_TOOL = 256
MAX_MOUNT = 500


class State(StrEnum):
    """The state of an approval."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedCall:
    """A call that a resource server may run only if it is approved.

    Attributes:
        grant_id: of the access token; `subject` and `client_id` are of the grant.
        subject: empty for a client that acts for itself.
        session: of the client at the resource server; empty if it has none.
        policy: the version of the policy.
        approver: `SELF`, or `GROUP` with the name of the group.
        tool: its name.
        call: its parameters in canonical form: name, arguments, and whatever else is forwarded.
        mount: the path of the MCP server that gets the call; empty if the resource server does not say.
    """

    grant_id: str
    subject: str
    client_id: str
    resource: str
    session: str
    policy: str
    approver: str
    tool: str
    call: str
    mount: str = ""

    @property
    def binding(self) -> str:
        """The digest of everything that an approval of this call is for."""
        parts = [self.grant_id, self.session, self.resource, self.policy, self.approver, self.call]
        if self.mount:
            parts.append(self.mount)
        return base64url.encode(hashlib.sha256(json.dumps(parts).encode("ascii")).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class CallApproval:
    """An approval, as it is stored.

    Attributes:
        subject: the person for whom the call is made; empty for a client that acts for itself.
        call: its parameters in canonical form; empty once the approval is used or denied.
        expires_at: until when it can be decided or used, in seconds since 1970.
        state: a `State`, as text.
        decided_by: the subject who approved or denied; empty before.
        mount: the path of the MCP server that gets the call; empty if the resource server did not say.
    """

    approval_id: str
    binding: str
    subject: str
    client_id: str
    resource: str
    approver: str
    tool: str
    call: str
    expires_at: int
    state: str = State.PENDING
    decided_by: str = ""
    mount: str = ""

    @property
    def caller(self) -> str:
        """The person for whom the call is made, or the client that acts for itself."""
        return self.subject or self.client_id

    @property
    def shown_mount(self) -> str:
        """The mount, if the URL of the resource does not name it already; otherwise empty."""
        return "" if urlsplit(self.resource).path == self.mount else self.mount

    def may_be_decided_by(self, subject: str, groups: Collection[str]) -> bool:
        """Return whether a person may decide.

        Args:
            groups: those of the person.
        """
        if self.approver == SELF:
            return bool(self.subject) and subject == self.subject
        return self.approver.startswith(GROUP) and self.approver.removeprefix(GROUP) in groups

    def is_open(self, now: float) -> bool:
        """Return whether the approval waits for a decision."""
        return self.state == State.PENDING and now < self.expires_at

    def stands(self, now: float) -> bool:
        """Return whether the approval answers a call: it waits, was decided, and has not been used."""
        return self.state in (State.PENDING, State.APPROVED, State.DENIED) and now < self.expires_at

    def decided(self, *, approve: bool, by: str, now: float) -> CallApproval | None:
        """Return the approval after a decision; None if none is possible any longer."""
        if not self.is_open(now):
            return None
        if not approve:
            # A client that repeats the call at once would otherwise ask again when the request expires.
            until = int(now) + LIFETIME_S
            return replace(self, state=State.DENIED, decided_by=by, call="", expires_at=until)
        return replace(
            self,
            state=State.APPROVED,
            decided_by=by,
            expires_at=min(self.expires_at, int(now)) + USE_WITHIN_S,
        )

    def used(self, binding: str, now: float) -> CallApproval | None:
        """Return the approval after its use for a call; None if the call must not run."""
        if self.state != State.APPROVED or self.binding != binding or now >= self.expires_at:
            return None
        return replace(self, state=State.USED, call="")


def fault_in_mount(mount: str) -> str:
    """Return why the approver cannot be shown `mount`; empty if it can be."""
    if len(mount) > MAX_MOUNT or not mount.isprintable():
        return f"the mount is not a printable text of at most {MAX_MOUNT} characters"
    return ""


def fault_in(approver: str) -> str:
    """Return why `approver` does not name an approver; empty if it does."""
    if approver == SELF:
        return ""
    group = approver.removeprefix(GROUP)
    if group == approver or not group or len(approver) > MAX_APPROVER or not group.isprintable():
        return f"the approver must be {SELF}, or {GROUP} and the name of a group"
    return ""
