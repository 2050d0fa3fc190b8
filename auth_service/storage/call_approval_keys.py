"""The keys of approvals of calls: a part of the key schema in `keys`."""

from __future__ import annotations

from shared.storage.key_spec import KeySpec

CALL_APPROVALS: tuple[KeySpec, ...] = (
    KeySpec(
        "call-approval:{hash of the id}",
        "an approval of a call: whom and which MCP server it is for, the digest that it is bound to, who may"
        " decide, the state, who decided, and until it is used or denied the parameters of the call",
        "20 minutes after its last change",
    ),
    KeySpec(
        "call-approval-of:{hash of the binding}",
        "the id of the approval that answers for a call",
        "20 minutes",
    ),
    KeySpec(
        "pending-approvals:{hash of the approver}",
        "the calls that wait for a person or a group: digest, person, until when; at most 200",
        "10 minutes after its last change",
    ),
)
