"""The FastMCP client, for as long as stdin is open: a line with a tool in, a line with its result out.

Runs in an environment of its own, which knows nothing of this project.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from fastmcp import Client  # type: ignore[import-not-found]
from fastmcp.client.auth import OAuth  # type: ignore[import-not-found]
from key_value.aio.stores.filetree import (  # type: ignore[import-not-found]
    FileTreeStore,
    FileTreeV1KeySanitizationStrategy,
)


async def main() -> None:
    mcp_url, directory = sys.argv[1], Path(sys.argv[2])
    keys = FileTreeV1KeySanitizationStrategy(directory)
    store = FileTreeStore(data_directory=directory, key_sanitization_strategy=keys)
    async with Client(mcp_url, auth=OAuth(mcp_url, token_storage=store)) as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            message = json.loads(line)
            result = await client.call_tool(message["tool"], message["arguments"], raise_on_error=False)
            answer = {"result": result.structured_content, "isError": result.is_error}
            sys.stdout.write(f"{json.dumps(answer)}\n")
            sys.stdout.flush()


asyncio.run(main())
