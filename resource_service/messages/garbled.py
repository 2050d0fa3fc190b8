"""Server output that was meant as an answer and cannot be parsed. Pure.

The standard output of commands also carries greetings and log lines, which belong to no call. A line that
claims to be JSON-RPC and is not a notification is treated as a lost answer.
"""

from __future__ import annotations

import json
import re

from resource_service.messages.exact_json import UnreadableError, loads
from resource_service.messages.request_ids import RequestId

_VERSION = rb'"jsonrpc"\s*:\s*"2\.0"\s*'
_ID = rb'"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.){0,256}")(?=\s*[,}])'
_ID_AT_START = re.compile(rb"\s*\{\s*(?:" + _VERSION + rb",\s*)?" + _ID)
_ID_AT_END = re.compile(_ID + rb"\s*(?:,\s*" + _VERSION + rb")?\}\s*\Z")
_ANSWERS = re.compile(rb'"jsonrpc"|\A\s*\{\s*"(?:result|error|id)"\s*:')
_METHOD = re.compile(rb'"method"\s*:\s*"')
_OUTCOME = re.compile(rb'"(?:result|error)"\s*:')
_LONGEST_ID = 512


def reason_for(line: bytes) -> str:
    """Return why `line` is not a message."""
    try:
        loads(line)
    except UnreadableError:
        return "it is not JSON in UTF-8"
    return "it is not a JSON-RPC 2.0 message"


def is_lost_answer(line: bytes) -> bool:
    """Check whether `line`, which is not a message, was meant to answer a request."""
    text = _plain(line)
    return bool(_ANSWERS.search(text)) and (not _METHOD.search(text) or bool(_OUTCOME.search(text)))


def recovered_id(line: bytes) -> RequestId | None:
    """Return the id in `line`, if its position excludes that it belongs to something inside the answer."""
    text = _plain(line)
    match = _ID_AT_START.match(text) or _ID_AT_END.search(text[-_LONGEST_ID:])
    if match is None:
        return None
    try:
        return json.loads(match[1])  # type: ignore[no-any-return]
    except ValueError:
        return None


def of_other_type(request_id: RequestId) -> RequestId | None:
    """Return the id of the other type with the same text: ``"1"`` for 1, and 1 for ``"1"``."""
    if isinstance(request_id, int):
        return str(request_id)
    return int(request_id) if re.fullmatch("[0-9]{1,18}", request_id) else None


def _plain(line: bytes) -> bytes:
    """Return `line` without byte order marks and the zeros of UTF-16, as far as ASCII goes."""
    return line.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
