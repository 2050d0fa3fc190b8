"""Messages of a client to the joined URL: which mount each one is for, and its form there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from resource_service.messages.joined_names import Joined, split_id, split_name, split_uri
from resource_service.messages.jsonrpc import object_in
from resource_service.tasks.requests import RELATED

Json = dict[str, Any]

_BY_NAME = frozenset({"tools/call", "prompts/get"})
_BY_URI = frozenset({"resources/read", "resources/subscribe", "resources/unsubscribe"})


class Routed(NamedTuple):
    """A message for one mount, as its server understands it."""

    mount: str
    message: Json


class NoSuchNameError(ValueError):
    """A request names nothing that a mount could have. The message says what."""


def routed(message: Mapping[str, Any]) -> Routed | None:
    """Return the message for the mount that it names; None if it names none.

    Raises:
        NoSuchNameError: its method acts on what it names, and that begins with no name of a mount.
    """
    method = message.get("method")
    if method is None:
        return _answer(message)
    if not isinstance(method, str):
        return None
    if method in _BY_NAME:
        return _by_member(message, "name", split_name)
    if method in _BY_URI:
        return _by_member(message, "uri", split_uri)
    if method == "completion/complete":
        return _completion(message)
    if method.startswith(("tasks/", "notifications/tasks")) and method != "tasks/list":
        return _by_member(message, "taskId", split_name)
    if method == "notifications/progress":
        return _progress(message)
    return None


def _answer(message: Mapping[str, Any]) -> Routed | None:
    """Return a response to a request of a mount's server; its id names the mount."""
    split = split_id(message.get("id"))
    if split is None:
        raise NoSuchNameError("the response answers no request of this server")
    mount, inner_id = split
    return Routed(mount, _related_in({**message, "id": inner_id}, "result", mount))


def _by_member(message: Mapping[str, Any], member: str, split: Callable[[object], Joined | None]) -> Routed:
    params = object_in(message, "params")
    joined = split(params.get(member))
    if joined is None:
        raise NoSuchNameError(f"{member} begins with the name of no mount")
    inner = {**message, "params": {**params, member: joined.name}}
    return Routed(joined.mount, _related_in(inner, "params", joined.mount))


def _completion(message: Mapping[str, Any]) -> Routed:
    params = object_in(message, "params")
    ref = object_in(params, "ref")
    member, split = ("uri", split_uri) if ref.get("type") == "ref/resource" else ("name", split_name)
    joined = split(ref.get(member))
    # A reference with both members could mean either one.
    if joined is None or {"name", "uri"} <= ref.keys():
        raise NoSuchNameError("ref begins with the name of no mount")
    inner_ref = {**ref, member: joined.name}
    return Routed(joined.mount, {**message, "params": {**params, "ref": inner_ref}})


def _progress(message: Mapping[str, Any]) -> Routed:
    params = object_in(message, "params")
    split = split_id(params.get("progressToken"))
    if split is None:
        raise NoSuchNameError("the progress concerns no request of this server")
    mount, token = split
    return Routed(mount, {**message, "params": {**params, "progressToken": token}})


def _related_in(message: Json, member: str, mount: str) -> Json:
    """Replace the id of a related task in ``_meta``."""
    part = object_in(message, member)
    meta = object_in(part, "_meta")
    related = meta.get(RELATED)
    if not isinstance(related, dict):
        return message
    joined = split_name(related.get("taskId"))
    if joined is None or joined.mount != mount:
        if member == "result":
            return message  # about a task that the client itself runs
        raise NoSuchNameError("the related task is of another mount")
    inner_meta = {**meta, RELATED: {**related, "taskId": joined.name}}
    return {**message, member: {**part, "_meta": inner_meta}}
