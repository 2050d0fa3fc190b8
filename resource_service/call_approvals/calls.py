"""The canonical form of a call, and the message that is forwarded once it is approved. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rfc8785

from resource_service.messages.exact_json import dumps, loads
from resource_service.messages.jsonrpc import object_in
from resource_service.person_links import is_answered

KIND = "approve"
MAX_CALL_BYTES = 8_192
"""As much as the authorization server shows."""

_OWN_ANSWER = ("inputResponses", "requestState")
_KEPT_META = ("progressToken", "traceparent", "tracestate", "baggage")
_PROTOCOL_META = "io.modelcontextprotocol/"


class NotCanonicalError(ValueError):
    """The call has no canonical form, or is too large. The message says which."""


def canonical_call(message: Mapping[str, Any]) -> str:
    """Return the parameters of a call in canonical form (RFC 8785), without `_meta`.

    Raises:
        NotCanonicalError: see the class.
    """
    left_out = {"_meta", *(_OWN_ANSWER if is_answered(message, KIND) else ())}
    params = {name: value for name, value in object_in(message, "params").items() if name not in left_out}
    try:
        canonical = rfc8785.dumps(params)
        text = canonical.decode("utf-8")
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError, TypeError) as error:
        raise NotCanonicalError("A number or a text of the call has no canonical form (RFC 8785).") from error
    if len(canonical) > MAX_CALL_BYTES:
        raise NotCanonicalError(f"The call is larger than {MAX_CALL_BYTES} bytes.")
    return text


def approved_message(message: Mapping[str, Any], call: str) -> bytes:
    """Return the message that is forwarded: only the approved call, and the `_meta` of MCP itself.

    Args:
        call: the canonical form that was approved.
    """
    members = object_in(object_in(message, "params"), "_meta")
    meta = {name: value for name, value in members.items() if _is_kept(name)}
    params = {**loads(call.encode()), **({"_meta": meta} if meta else {})}
    return dumps({"jsonrpc": "2.0", "id": message["id"], "method": "tools/call", "params": params})


def _is_kept(name: str) -> bool:
    return name in _KEPT_META or name.startswith(_PROTOCOL_META)
