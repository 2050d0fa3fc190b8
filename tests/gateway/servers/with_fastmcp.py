"""A FastMCP server, as its documentation has it; run by a Python that has FastMCP and nothing of ours.

python with_fastmcp.py            # over stdio
python with_fastmcp.py PORT       # over Streamable HTTP, at /mcp
"""

import sys

from fastmcp import Context, FastMCP  # type: ignore[import-not-found]

server = FastMCP("fast")


@server.tool  # type: ignore[untyped-decorator]
async def add(a: int, b: int, ctx: Context) -> int:
    """Add two numbers."""
    await ctx.report_progress(1, 1)
    return a + b


if __name__ == "__main__":
    if len(sys.argv) == 1:
        server.run(show_banner=False)
    else:
        server.run(transport="http", port=int(sys.argv[1]), show_banner=False)
