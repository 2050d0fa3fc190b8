"""An MCP server that uses every direction of the protocol: it reports, asks, and announces changes.

python -m tests.gateway.servers.notebook NAME          # over stdio
python -m tests.gateway.servers.notebook NAME PORT     # over Streamable HTTP, at /mcp
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.session import ServerSession
from mcp_types import (
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmptyResult,
    InputRequiredResult,
    ResourceTemplateReference,
    SamplingMessage,
    SubscribeRequestParams,
    TextContent,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel

from tests.gateway.servers.events import Events

warnings.simplefilter("ignore")  # what is deprecated in the current revision is tested in the one before

NAME = sys.argv[1] if len(sys.argv) > 1 else "notebook"
NOTE = "note://today"
MODERN = "2026-07-28"

server: MCPServer[Any] = MCPServer(NAME, log_level="ERROR", instructions=f"The notebook {NAME}.")
AnyContext = Context[Any, Any]
subscribers: dict[str, list[ServerSession]] = {}
texts = {NOTE: "empty"}


class Answer(BaseModel):
    """The form of `ask_person`."""

    text: str


def _prompt(prompt: str) -> list[SamplingMessage]:
    return [SamplingMessage(role="user", content=TextContent(type="text", text=prompt))]


def _answer_in(ctx: AnyContext) -> str | None:
    """The answer to the question that this server's last result had."""
    answer: Any = (ctx.input_responses or {}).get("question")
    if answer is None:
        return None
    return str(answer.content.text if hasattr(answer.content, "text") else answer.content["text"])


@server.tool()
async def count(to: int, ctx: AnyContext) -> str:
    """Report progress."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, NAME)
    return f"{NAME} counted"


@server.tool()
async def wait(note: str) -> str:
    """Wait until the call is cancelled, and write to the file `note` that it was."""
    await anyio.Path(note).write_text("begun")
    try:
        await anyio.sleep(300)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.Path(note).write_text(f"{NAME} cancelled")
        raise
    return "over"


@server.tool()
async def ask_model(prompt: str, ctx: AnyContext) -> str | InputRequiredResult:
    """Ask the client's model, in the way of the client's revision."""
    if ctx.protocol_version != MODERN:
        answer = await ctx.session.create_message(
            _prompt(prompt), max_tokens=10, related_request_id=ctx.request_context.request_id
        )
        return f"{NAME}: {getattr(answer.content, 'text', '')}"
    if (text := _answer_in(ctx)) is not None:
        return f"{NAME}: {text}"
    params = CreateMessageRequestParams(messages=_prompt(prompt), max_tokens=10)
    return InputRequiredResult(
        input_requests={"question": CreateMessageRequest(params=params)}, request_state=NAME
    )


@server.tool()
async def ask_person(ctx: AnyContext) -> str | InputRequiredResult:
    """Ask the person, in the way of the client's revision."""
    if ctx.protocol_version != MODERN:
        answer = await ctx.elicit("Which text?", Answer)
        return f"{NAME}: {answer.data.text if answer.action == 'accept' else answer.action}"
    if (text := _answer_in(ctx)) is not None:
        return f"{NAME}: {text}"
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    params = ElicitRequestFormParams(message="Which text?", requested_schema=schema)
    return InputRequiredResult(input_requests={"question": ElicitRequest(params=params)}, request_state=NAME)


@server.tool()
async def write(text: str, ctx: AnyContext) -> str:
    """Change the note, and announce it to those who have subscribed to it."""
    texts[NOTE] = text
    await ctx.notify_resource_updated(NOTE)
    for session in subscribers.get(NOTE, []):
        await session.send_resource_updated(NOTE)
    return "written"


@server.tool()
async def add_tool(name: str, ctx: AnyContext) -> str:
    """Add a tool, and announce it."""

    async def added() -> str:
        """Return the name of the server."""
        return NAME

    server.add_tool(added, name=name)
    await ctx.notify_tools_changed()
    if ctx.protocol_version != MODERN:
        await ctx.session.send_tool_list_changed()
    return "added"


@server.tool()
async def interrupted(ctx: AnyContext, seconds: float = 1.0) -> str:
    """Close the stream of the call, and go on."""
    await ctx.report_progress(1, 2, NAME)
    await ctx.close_sse_stream()
    await anyio.sleep(
        seconds
    )  # the SDK loses what is sent between the replay of events and the following ones
    return f"{NAME} went on"


@server.tool()
async def log(text: str, ctx: AnyContext) -> str:
    """Send a log message."""
    await ctx.info(text, logger_name="pages")
    return "logged"


@server.resource(NOTE)
def today() -> str:
    """The note."""
    return f"{NAME}: {texts[NOTE]}"


@server.resource("page://{number}")
def page(number: str) -> str:
    """One of many pages."""
    return f"{NAME}: page {number}"


@server.prompt()
def summarize(topic: str) -> str:
    """Summarize a topic."""
    return f"{NAME}: summarize {topic}"


@server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
async def complete(ref: Any, argument: Any, context: Any) -> Completion:
    """Complete an argument, and name what it belongs to."""
    named = ref.uri if isinstance(ref, ResourceTemplateReference) else ref.name
    return Completion(values=[NAME, named, f"{argument.value}…"])


async def subscribe(ctx: Any, params: SubscribeRequestParams) -> EmptyResult:
    """Note who has subscribed to a resource."""
    subscribers.setdefault(str(params.uri), []).append(ctx.session)
    return EmptyResult()


async def unsubscribe(ctx: Any, params: UnsubscribeRequestParams) -> EmptyResult:
    """Forget who has subscribed to a resource."""
    subscribers.pop(str(params.uri), None)
    return EmptyResult()


def main() -> None:
    handlers = server._lowlevel_server  # noqa: SLF001 -- the SDK offers no subscriptions of 2025-11-25 above it
    handlers.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
    handlers.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)
    if len(sys.argv) < 3:
        server.run("stdio")
    else:
        server.run("streamable-http", port=int(sys.argv[2]), event_store=Events(), retry_interval=50)


if __name__ == "__main__":
    main()
