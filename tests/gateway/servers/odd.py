"""An MCP server over stdio that answers `tools/call` in as many wrong ways as `ODD` has names.

python -m tests.gateway.servers.odd
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from tests.gateway.servers.bare import result_of

Request = dict[str, Any]


def answer(request: Request, **different: Any) -> bytes:
    whole = {"jsonrpc": "2.0", "id": request["id"], "result": {"content": []}}
    return json.dumps({**whole, **different}).encode() + b"\n"


def without(request: Request, *names: str) -> bytes:
    whole = json.loads(answer(request))
    return json.dumps({name: value for name, value in whole.items() if name not in names}).encode() + b"\n"


def backwards(request: Request, text: bytes) -> bytes:
    """As the TypeScript SDK writes it: the id last."""
    return b'{"result":%b,"jsonrpc":"2.0","id":%b}\n' % (text, json.dumps(request["id"]).encode())


ODD: dict[str, Callable[[Request], bytes | None]] = {
    "invalid UTF-8": lambda request: answer(request).replace(b"content", b"\xff\xfe"),
    "invalid UTF-8, id last": lambda request: backwards(request, b'"\xc3"'),
    "NaN": lambda request: answer(request, result={"value": float("nan")}),
    "infinity": lambda request: answer(request, result={"value": float("inf")}),
    "NaN, id last": lambda request: backwards(request, b'{"value":NaN}'),
    "byte order mark": lambda request: b"\xef\xbb\xbf" + answer(request),
    "UTF-16": lambda request: answer(request)[:-1].decode().encode("utf-16-le") + b"\n",
    "UTF-16 with a mark": lambda request: answer(request)[:-1].decode().encode("utf-16") + b"\n",
    "id null": lambda _request: b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}\n',
    "no id": lambda request: without(request, "id"),
    "no outcome": lambda request: without(request, "result"),
    "id a fraction": lambda request: answer(request, id=0.5),
    "id a list": lambda request: answer(request, id=[request["id"]]),
    "id true": lambda request: answer(request, id=True),
    "id as text": lambda request: answer(request, id=str(request["id"])),
    "id of nobody": lambda request: answer(request, id=987_654_321),
    "id of nobody, text": lambda request: answer(request, id="nobody"),
    "a batch": lambda request: b"[" + answer(request)[:-1] + b"]\n",
    "half a line": lambda request: answer(request)[:40] + b"\n",
    "half a line, id last": lambda request: backwards(request, b"{}")[:12] + b"\n",
    "two halves": lambda request: backwards(request, b'{"a":1}').replace(b'"a"', b'"a"\n'),
    "single quotes": lambda request: answer(request).replace(b'"content"', b"'content'"),
    "too deep": lambda request: backwards(request, b"[" * 500 + b"]" * 500),
    "text behind it": lambda request: answer(request)[:-1] + b" done\n",
    "a control character": lambda request: answer(request).replace(b"content", b"con\x01tent"),
    "a comma too many": lambda request: answer(request).replace(b"]}", b"],}"),
    "too large": lambda request: answer(request, result={"content": "x" * 100_000}),
    "too large, id last": lambda request: backwards(request, b'"%b"' % (b"x" * 300_000)),
    "silence": lambda _request: b"",
    "a greeting and silence": lambda _request: b"Welcome!\n{not JSON}\n",
    "an end": lambda _request: None,
}  # fmt: skip


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        if request["method"] == "tools/call":
            odd = ODD[request["params"]["name"]](request)
            if odd is None:
                os._exit(3)
            sys.stdout.buffer.write(odd)
            sys.stdout.buffer.flush()
        elif (result := result_of(request)) is not None:
            sys.stdout.buffer.write(answer(request, result=result))
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
