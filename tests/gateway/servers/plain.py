"""An ordinary MCP server, which knows nothing of tokens: what somebody would write with the SDK.

python -m tests.gateway.servers.plain            # over stdio
python -m tests.gateway.servers.plain PORT       # over Streamable HTTP, at /mcp
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import anyio
from mcp.server.mcpserver import Context, Image, MCPServer
from pydantic import BaseModel

from tests.gateway.servers.events import Events

server: MCPServer[Any] = MCPServer("plain", log_level="ERROR")
AnyContext = Context[Any, Any]


class Colour(BaseModel):
    """The form of `favourite`."""

    colour: str


@server.tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
async def who(ctx: AnyContext) -> dict[str, str]:
    """All that the server is told about who calls: its headers, or the variables that it was started with."""
    environment = dict(ctx.headers) if ctx.headers is not None else dict(os.environ)
    return {name.lower(): value for name, value in environment.items()}


@server.tool()
async def trace(ctx: AnyContext) -> str:
    """The span that this call is a part of, as its `_meta` names it."""
    meta: Any = ctx.request_context.meta
    return str((meta or {}).get("traceparent", ""))


@server.tool()
async def process(ctx: AnyContext) -> int:
    """The process that serves this call."""
    return os.getpid()


@server.tool()
async def count(to: int, ctx: AnyContext, every_s: float = 0.01, mark: str = "") -> str:
    """Count aloud."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, mark)
        await anyio.sleep(every_s)
    return f"counted to {to} {mark}"


@server.tool()
async def wait(seconds: float, note: str) -> str:
    """Wait, and write to the file `note` whether the wait was over or was called off."""
    await anyio.Path(note).write_text("begun")
    try:
        await anyio.sleep(seconds)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.Path(note).write_text("called off")
        raise
    await anyio.Path(note).write_text("over")
    return "over"


@server.tool()
async def favourite(ctx: AnyContext) -> str:
    """Ask the user for a colour, in the midst of the call."""
    answer = await ctx.elicit("Which colour?", Colour)
    return answer.data.colour if answer.action == "accept" else answer.action


@server.tool()
async def picture() -> Image:
    """Every byte there is, a thousand times."""
    return Image(data=bytes(range(256)) * 1_000, format="png")


@server.tool()
async def text(characters: int) -> str:
    """Much to read."""
    return "x" * characters


@server.tool()
async def crash() -> str:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@server.tool()
async def complain(lines: int) -> str:
    """Say something on standard error."""
    for number in range(lines):
        print(f"complaint {number}", file=sys.stderr)  # noqa: T201
    return "said"


@server.resource("bytes://all", mime_type="application/octet-stream")
def all_bytes() -> bytes:
    """Every byte there is."""
    return bytes(range(256))


def main() -> None:
    if len(sys.argv) == 1:
        server.run("stdio")
    else:
        server.run("streamable-http", port=int(sys.argv[1]), event_store=Events())


if __name__ == "__main__":
    main()
