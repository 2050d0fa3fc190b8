"""How a client is told a link that a person must open, by what the client can do. Pure.

MCP 2025-11-25 has an error for it (URLElicitationRequiredError), MCP 2026-07-28 a result that requires input.
A client that cannot open a link gets it in the text of a tool result, which the model passes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_types import PROTOCOL_VERSION_META_KEY
from mcp_types.jsonrpc import URL_ELICITATION_REQUIRED
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from resource_service.errors import Refusal
from resource_service.reasons import Reason

MAY_REQUIRE_INPUT = frozenset({"tools/call", "prompts/get", "resources/read"})
"""The methods of 2026-07-28 whose result may require input."""

_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLink:
    """A link that a person must open.

    Attributes:
        kind: names what it is for, in the messages of MCP.
        url: needs the person's login.
        elicitation_id: names the link.
        text: sentences for a model, with the link.
        message: a sentence for a person whose client opens the link.
        reason: why the request is refused.
        rpc_code: of the error.
    """

    kind: str
    url: str = field(repr=False)
    elicitation_id: str = field(repr=False)
    text: str = field(repr=False)
    message: str
    reason: Reason
    rpc_code: int


class LinkRefusal(Refusal):
    """Refuse requests until a person has opened a link.

    Args:
        description: says why, without the link.
        messages: the JSON-RPC messages of the request.
        opens_links: whether the client does.
    """

    def __init__(
        self, link: PersonLink, description: str, messages: Sequence[object], *, opens_links: bool
    ) -> None:
        super().__init__(
            link.reason, 200 if messages else 403, link.reason.code, description, rpc_code=link.rpc_code
        )
        self._link = link
        self._requests: Sequence[Mapping[str, Any]] = [each for each in messages if isinstance(each, dict)]
        self._opens_links = opens_links

    def rpc_answer(self, request_id: object, code: int) -> dict[str, object]:
        """Return the response to a JSON-RPC request: with the link, as its client can use it."""
        for message in self._requests:
            if message.get("id") == request_id and "method" in message:
                return refusal_with_link(message, self._link, opens_links=self._opens_links)
        return super().rpc_answer(request_id, code)


def is_modern(message: Mapping[str, Any]) -> bool:
    """Whether a message is of a revision without a handshake (2026-07-28)."""
    revision = _meta(message).get(PROTOCOL_VERSION_META_KEY)
    return isinstance(revision, str) and revision not in HANDSHAKE_PROTOCOL_VERSIONS


def opens_links(capabilities: object) -> bool:
    """Whether the capabilities of a client say that it opens links (`elicitation.url`)."""
    match capabilities:
        case {"elicitation": {"url": dict()}}:
            return True
        case _:
            return False


def message_opens_links(message: Mapping[str, Any]) -> bool:
    """Whether a message of 2026-07-28 says that its client opens links."""
    return opens_links(_meta(message).get(_CAPABILITIES))


def is_answered(message: Mapping[str, Any], kind: str) -> bool:
    """Whether a message repeats a request after our own result of this kind that required input."""
    state = _params(message).get("requestState")
    return isinstance(state, str) and state.startswith(f"{_input(kind)}:")


def is_accepted(message: Mapping[str, Any], kind: str) -> bool:
    """Whether the person has agreed to open the link of our own result that required input."""
    responses = _params(message).get("inputResponses")
    response = responses.get(_input(kind)) if isinstance(responses, dict) else None
    return isinstance(response, dict) and response.get("action") == "accept"


def without_answer(message: Mapping[str, Any]) -> Json:
    """Return a request without what answers our own result that required input."""
    kept = {
        name: value
        for name, value in _params(message).items()
        if name not in ("inputResponses", "requestState")
    }
    return {**message, "params": kept}


def refusal_with_link(message: Mapping[str, Any], link: PersonLink, *, opens_links: bool) -> Json:
    """Return the response to a request that needs a person to open a link.

    Args:
        opens_links: whether its client does.
    """
    method = message.get("method")
    answer = {"jsonrpc": "2.0", "id": message.get("id")}
    if is_modern(message):
        if opens_links and method in MAY_REQUIRE_INPUT and not is_answered(message, link.kind):
            return {**answer, "result": _input_required(link)}
    elif opens_links:
        return {**answer, "error": _elicitation_required(link)}
    if method == "tools/call":
        stated = {"resultType": "complete"} if is_modern(message) else {}
        content = [{"type": "text", "text": link.text}]
        return {**answer, "result": {**stated, "content": content, "isError": True}}
    code = link.reason.code
    data = {"error": code, "reason_code": code, "url": link.url}
    return {**answer, "error": {"code": link.rpc_code, "message": link.text, "data": data}}


def completed(elicitation_id: str) -> Json:
    """Return the notification that the person has done what a link was for (MCP 2025-11-25)."""
    return {
        "jsonrpc": "2.0",
        "method": "notifications/elicitation/complete",
        "params": {"elicitationId": elicitation_id},
    }


def minutes(seconds: int) -> str:
    """Return how long a link is valid."""
    whole = max(1, seconds // 60)
    return "a minute" if whole == 1 else f"{whole} minutes"


def _input(kind: str) -> str:
    return f"doorward_{kind}"


def _input_required(link: PersonLink) -> Json:
    params = {"mode": "url", "message": link.message, "url": link.url}
    return {
        "resultType": "input_required",
        "inputRequests": {_input(link.kind): {"method": "elicitation/create", "params": params}},
        "requestState": f"{_input(link.kind)}:{link.elicitation_id}",
    }


def _elicitation_required(link: PersonLink) -> Json:
    elicitation = {
        "mode": "url",
        "elicitationId": link.elicitation_id,
        "url": link.url,
        "message": link.message,
    }
    return {
        "code": URL_ELICITATION_REQUIRED,
        "message": link.message,
        "data": {"elicitations": [elicitation]},
    }


def _meta(message: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = _params(message).get("_meta")
    return meta if isinstance(meta, dict) else {}


def _params(message: Mapping[str, Any]) -> Mapping[str, Any]:
    params = message.get("params")
    return params if isinstance(params, dict) else {}
