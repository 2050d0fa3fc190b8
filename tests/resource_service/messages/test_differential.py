"""Other parsers read accepted messages like the gateway does (RS-12).

Each fuzz compares with the parser itself. `make soak` runs them at full length.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import subprocess
import zlib
from typing import Any

import pytest

from resource_service.messages.jsonrpc import MalformedMessageError, read_posted
from resource_service.messages.media_type import UnsupportedMediaTypeError, check_media_type
from tests.gateway.outside import install

pytestmark = pytest.mark.requirement("RS-12")

NAMES = int(os.environ.get("DOORWARD_SOAK_NAMES", "4000"))
BODIES = int(os.environ.get("DOORWARD_SOAK_BODIES", "2000"))
SEED = os.environ.get("DOORWARD_SOAK_SEED", "messages")

FOLDED = {"k": "\u212a", "s": "\u017f", "i": "\u0131", "a": "\uff41", "e": "\u0435"}
AFFIXES = ("\0", " ", "\u200b", "_", "-")


def read_here(body: bytes) -> dict[str, Any] | None:
    """The message as it is judged; None for one that is refused."""
    try:
        message = read_posted(body).messages[0]
    except MalformedMessageError:
        return None
    return message if isinstance(message, dict) else None


def disguised(rng: random.Random, name: str) -> str:
    """`name` as JSON text in another case, with characters that fold to its own, escaped or with an affix."""
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(name))
        match rng.randint(0, 3):
            case 0 | 1:
                name = name[:at] + name[at].swapcase() + name[at + 1 :]
            case 2:
                name = name[:at] + FOLDED.get(name[at], name[at]) + name[at + 1 :]
            case _ if rng.random() < 0.2:
                name += rng.choice(AFFIXES)
    return "".join(f"\\u{ord(c):04x}" if rng.random() < 0.1 or c < " " else c for c in name)


def with_a_disguise(rng: random.Random) -> str:
    """A call of the tool "safe", with another name under a member that is spelled nearly like one."""
    inside = [('"name"', '"safe"'), ('"arguments"', "{}")]
    outside = [('"jsonrpc"', '"2.0"'), ('"id"', "1"), ('"method"', '"tools/call"')]
    match rng.randint(0, 3):
        case 0:
            outside.append((f'"{disguised(rng, "method")}"', '"tools/delete"'))
        case 1:
            outside.append((f'"{disguised(rng, "params")}"', '{"name":"delete_all"}'))
        case 2:
            inside.append((f'"{disguised(rng, "uri")}"', '"notes://secret"'))
        case _:
            inside.append((f'"{disguised(rng, "name")}"', '"delete_all"'))
    rng.shuffle(inside)
    outside.insert(rng.randint(0, len(outside)), ('"params"', _object(inside)))
    return _object(outside)


def _object(members: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{name}:{value}" for name, value in members) + "}"


def test_no_member_that_go_reads_under_another_name_passes() -> None:
    rng = random.Random(SEED)  # noqa: S311 -- repeatable
    texts = [with_a_disguise(rng) for _ in range(NAMES)]
    done = subprocess.run(
        install.go_json(), input="\n".join(texts).encode(), capture_output=True, timeout=600, check=True
    )
    by_go = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(by_go) == NAMES
    disguises = [
        t for t, read in zip(texts, by_go, strict=True) if read not in (None, _judged(json.loads(t)))
    ]
    assert len(disguises) > NAMES / 20
    assert [text for text in disguises if read_here(text.encode()) is not None] == []


def _judged(message: dict[str, Any]) -> list[str]:
    params = message.get("params") or {}
    return [message.get("method") or "", params.get("name") or "", params.get("uri") or ""]


CHARSETS = (
    *("utf-8", "UTF-8", "utf8", "utf-7", "utf-16", "utf-16le", "utf-16be", "utf-32", "utf-32be", "latin1"),
)
NAMES_OF_CHARSET = ("charset", "Charset", "CHARSET", "charset*", "charset*0", "x")
ENCODINGS = {"utf-7": "utf-7", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "utf-32be": "utf-32-be"}
SMUGGLED = "+ACI-,+ACI-name+ACI-:+ACI-delete_all+ACI-,+ACI-y+ACI-:+ACI-"
CALL = json.dumps({"params": {"name": "safe", "arguments": {}, "x": SMUGGLED}})
OTHER_CALL = '{"params":{"name":"delete_all"}}'


def described(rng: random.Random) -> tuple[dict[str, str], bytes]:
    """A body, and headers that may say something else of it than that it is JSON in UTF-8."""
    charset = rng.choice(CHARSETS)
    quoted = rng.choice((charset, f'"{charset}"', f" {charset}", f"{charset} "))
    parameters = [f"{rng.choice(NAMES_OF_CHARSET)}={quoted}" for _ in range(rng.randint(0, 2))]
    content_type = rng.choice((";", "; ", " ;", ";;", "\t; ")).join(
        [rng.choice(("application/json", "Application/JSON")), *parameters]
    )
    text, encoding = rng.choice((CALL, OTHER_CALL)), rng.choice(("utf-8", "as said"))
    body = text.encode("utf-8" if encoding == "utf-8" or text == CALL else ENCODINGS.get(charset, charset))
    headers = {"content-type": content_type}
    match rng.randint(0, 7):
        case 0:
            headers["content-encoding"], body = "gzip", gzip.compress(body)
        case 1:
            headers["content-encoding"], body = "deflate", zlib.compress(body)
        case 2:
            headers["content-encoding"] = rng.choice(("identity", "", "Identity"))
    return {**headers, "content-length": str(len(body))}, body


def judged(headers: dict[str, str], body: bytes) -> dict[str, Any] | None:
    """The message that is judged; None where the request is refused."""
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    try:
        check_media_type({"type": "http", "headers": fields})
    except UnsupportedMediaTypeError:
        return None
    return read_here(body)


def test_no_body_that_express_reads_otherwise_passes() -> None:
    rng = random.Random(SEED)  # noqa: S311 -- repeatable
    requests = [described(rng) for _ in range(BODIES)]
    sent = [[headers, base64.b64encode(body).decode()] for headers, body in requests]
    done = subprocess.run(
        install.express_body(), input=json.dumps(sent).encode(), capture_output=True, timeout=600, check=True
    )
    by_express = [None if text is None else json.loads(text) for text in json.loads(done.stdout)]
    otherwise = [
        (headers, body)
        for (headers, body), read in zip(requests, by_express, strict=True)
        if read is not None and read != read_here(body)
    ]
    assert len(otherwise) > BODIES / 50
    passed = [
        (headers, body)
        for (headers, body), read in zip(requests, by_express, strict=True)
        if read is not None and judged(headers, body) not in (None, read)
    ]
    assert passed == []
