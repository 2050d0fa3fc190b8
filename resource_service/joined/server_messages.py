"""Messages of a mount's server, in the form that the client of the joined URL gets. Pure.

A server speaks only for itself: a response with the id of a request to another mount, and progress of such a
request, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from resource_service.messages.exact_json import UnreadableError, dumps
from resource_service.messages.joined_names import joined_id, joined_name, joined_uri
from resource_service.messages.jsonrpc import distinct_members, object_in
from resource_service.messages.request_ids import key_of
from resource_service.policy.list_filter import UneditableError
from resource_service.tasks.requests import RELATED

Json = dict[str, Any]
Key = tuple[str, object]

_APP_URI = "ui/resourceUri"


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedMessages:
    """Edits the messages of one mount's server on their way to one client.

    Attributes:
        answers: whether the id of a response is that of a request of this client to the mount.
        reports: whether a progress token is that of such a request.
        asks: whether the server may send requests; only in a session (2025-11-25).
        on_change: called when the server announces that a list has changed.
    """

    mount: str
    answers: Callable[[Key], bool]
    reports: Callable[[Key], bool]
    asks: bool
    on_change: Callable[[], None]

    @property
    def refuses(self) -> bool:
        """Nothing passes that was not read: it could be a response to a request to another mount."""
        return True

    def shortened(self, text: bytes) -> bytes | None:
        """Return the form of a message for the client; None if it can stay unchanged.

        Raises:
            UneditableError: it is not a message, or not one for this client.
        """
        if not text.strip():
            return None  # an event that only has an id
        try:
            message = distinct_members(text)
        except UnreadableError as error:
            raise UneditableError(str(error)) from error
        if not isinstance(message, dict):
            raise UneditableError("it is not a JSON-RPC message")
        edited = self.for_client(message)
        return None if edited is message else dumps(edited)

    def for_client(self, message: Json) -> Json:
        """Return the form of `message` for the client, or the same object if nothing changes.

        Raises:
            UneditableError: the client must not get it.
        """
        if isinstance(message.get("method"), str):
            return self._request(message) if "id" in message else self._notification(message)
        return self._response(message) if message.keys() & {"jsonrpc", "id"} else message

    def _response(self, message: Json) -> Json:
        if "id" in message and message["id"] is not None and not self.answers(key_of(message["id"])):
            raise UneditableError("it answers no request to this mount")
        if isinstance(message.get("result"), dict):
            return {**message, "result": in_result(self.mount, message["result"])}
        data = object_in(object_in(message, "error"), "data")
        if isinstance(data.get("uri"), str):
            error = {**message["error"], "data": {**data, "uri": joined_uri(self.mount, data["uri"])}}
            return {**message, "error": error}
        return message

    def _request(self, message: Json) -> Json:
        request_id = message["id"]
        if not self.asks or isinstance(request_id, bool) or not isinstance(request_id, str | int):
            raise UneditableError("a server without a session cannot send a request")
        params = object_in(message, "params")
        edited = {**message, "id": joined_id(self.mount, request_id)}
        if params:
            edited["params"] = self._with_token(_with_related(self.mount, params))
        return edited

    def _with_token(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        meta = object_in(params, "_meta")
        token = meta.get("progressToken")
        if isinstance(token, bool) or not isinstance(token, str | int):
            return params
        return {**params, "_meta": {**meta, "progressToken": joined_id(self.mount, token)}}

    def _notification(self, message: Json) -> Json:
        method, params = message["method"], object_in(message, "params")
        if method.endswith("/list_changed"):
            self.on_change()
        changed: Json = {}
        match method, params:
            case "notifications/resources/updated", {"uri": str(uri)}:
                changed = {"uri": joined_uri(self.mount, uri)}
            case "notifications/message", {"logger": str(logger)}:
                changed = {"logger": joined_name(self.mount, logger)}
            case "notifications/message", _:
                changed = {"logger": self.mount}
            case "notifications/cancelled", {"requestId": str() | int() as request_id}:
                changed = {"requestId": joined_id(self.mount, request_id)}
            case "notifications/progress", {"progressToken": token} if not self.reports(key_of(token)):
                raise UneditableError("it reports on no request to this mount")
            case str(), {"taskId": str(task_id)} if method.startswith("notifications/tasks"):
                changed = {"taskId": joined_name(self.mount, task_id)}
        edited = _with_related(self.mount, {**params, **changed})
        return message if edited == params else {**message, "params": edited}


def in_result(mount: str, result: Mapping[str, Any]) -> Json:
    """Return a result with the URIs and task ids of the joined URL."""
    edited = dict(_with_related(mount, result))
    for member in ("content", "contents"):
        if isinstance(items := edited.get(member), list):
            edited[member] = [_content(mount, item) for item in items]
    if isinstance(prompted := edited.get("messages"), list):
        edited["messages"] = [_prompt_message(mount, item) for item in prompted]
    if isinstance(task := edited.get("task"), dict):
        edited["task"] = _with_task_id(mount, task)
    if isinstance(inner := edited.get("result"), dict):
        edited["result"] = in_result(mount, inner)
    return _with_task_id(mount, edited)


def in_item(mount: str, item: Mapping[str, Any]) -> Json:
    """Return a tool, prompt, resource or template of a list, as the joined URL lists it."""
    edited = dict(item)
    if isinstance(name := edited.get("name"), str) and "uri" not in edited and "uriTemplate" not in edited:
        edited["name"] = joined_name(mount, name)
    for member in ("uri", "uriTemplate"):
        if isinstance(uri := edited.get(member), str):
            edited[member] = joined_uri(mount, uri)
    meta = edited.get("_meta")
    if isinstance(meta, dict):
        edited["_meta"] = _app(mount, meta)
    return edited


def _app(mount: str, meta: Mapping[str, Any]) -> Json:
    """Replace the URI of the page that MCP Apps show for a tool."""
    edited, ui = dict(meta), object_in(meta, "ui")
    if isinstance(uri := ui.get("resourceUri"), str):
        edited["ui"] = {**ui, "resourceUri": joined_uri(mount, uri)}
    if isinstance(uri := meta.get(_APP_URI), str):
        edited[_APP_URI] = joined_uri(mount, uri)
    return edited


def _content(mount: str, item: object) -> object:
    if not isinstance(item, dict):
        return item
    edited = item
    if isinstance(uri := item.get("uri"), str):
        edited = {**edited, "uri": joined_uri(mount, uri)}
    if isinstance(inner := item.get("resource"), dict):
        edited = {**edited, "resource": _content(mount, inner)}
    return edited


def _prompt_message(mount: str, item: object) -> object:
    if not isinstance(item, dict) or "content" not in item:
        return item
    content = item["content"]
    many = isinstance(content, list)
    edited = [_content(mount, part) for part in content] if many else _content(mount, content)
    return {**item, "content": edited}


def _with_task_id(mount: str, part: Mapping[str, Any]) -> Json:
    task_id = part.get("taskId")
    return {**part, "taskId": joined_name(mount, task_id)} if isinstance(task_id, str) else dict(part)


def _with_related(mount: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = object_in(part, "_meta")
    related = meta.get(RELATED)
    if not isinstance(related, dict) or not isinstance(related.get("taskId"), str):
        return part
    task_id = joined_name(mount, related["taskId"])
    return {**part, "_meta": {**meta, RELATED: {**related, "taskId": task_id}}}
