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
    "invalid UTF-8": lambda asked: answer(asked).replace(b"content", b"\xff\xfe"),
    "invalid UTF-8, id last": lambda asked: backwards(asked, b'"\xc3"'),
    "NaN": lambda asked: answer(asked, result={"value": float("nan")}),
    "infinity": lambda asked: answer(asked, result={"value": float("inf")}),
    "NaN, id last": lambda asked: backwards(asked, b'{"value":NaN}'),
    "byte order mark": lambda asked: b"\xef\xbb\xbf" + answer(asked),
    "UTF-16": lambda asked: answer(asked)[:-1].decode().encode("utf-16-le") + b"\n",
    "UTF-16 with a mark": lambda asked: answer(asked)[:-1].decode().encode("utf-16") + b"\n",
    "id null": lambda _asked: b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}\n',
    "no id": lambda asked: without(asked, "id"),
    "no outcome": lambda asked: without(asked, "result"),
    "id a fraction": lambda asked: answer(asked, id=0.5),
    "id a list": lambda asked: answer(asked, id=[asked["id"]]),
    "id true": lambda asked: answer(asked, id=True),
    "id as text": lambda asked: answer(asked, id=str(asked["id"])),
    "id of nobody": lambda asked: answer(asked, id=987_654_321),
    "id of nobody, text": lambda asked: answer(asked, id="nobody"),
    "a batch": lambda asked: b"[" + answer(asked)[:-1] + b"]\n",
    "half a line": lambda asked: answer(asked)[:40] + b"\n",
    "half a line, id last": lambda asked: backwards(asked, b"{}")[:12] + b"\n",
    "two halves": lambda asked: backwards(asked, b'{"a":1}').replace(b'"a"', b'"a"\n'),
    "single quotes": lambda asked: answer(asked).replace(b'"content"', b"'content'"),
    "too deep": lambda asked: backwards(asked, b"[" * 500 + b"]" * 500),
    "text behind it": lambda asked: answer(asked)[:-1] + b" done\n",
    "a control character": lambda asked: answer(asked).replace(b"content", b"con\x01tent"),
    "a comma too many": lambda asked: answer(asked).replace(b"]}", b"],}"),
    "too large": lambda asked: answer(asked, result={"content": "x" * 100_000}),
    "too large, id last": lambda asked: backwards(asked, b'"%b"' % (b"x" * 300_000)),
    "silence": lambda _asked: b"",
    "a greeting and silence": lambda _asked: b"Welcome!\n{not JSON}\n",
    "an end": lambda _asked: None,
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
