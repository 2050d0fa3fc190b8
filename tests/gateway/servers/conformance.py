"""An MCP server with what the conformance suite looks for.

    python -m tests.gateway.servers.conformance          # over stdio
    python -m tests.gateway.servers.conformance PORT     # over Streamable HTTP, at /mcp

It need not pass everything: the gateway is to change no verdict, good or bad.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any, Literal

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import (
    AudioContent,
    Completion,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, Field

from tests.gateway.servers.events import Events

warnings.simplefilter("ignore")  # what is deprecated in the current revision is tested in the one before

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SILENCE = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

server: MCPServer[Any] = MCPServer("conformance", version="1.0.0", log_level="ERROR")
AnyContext = Context[Any, Any]


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _image() -> ImageContent:
    return ImageContent(type="image", data=PIXEL, mime_type="image/png")


def _embedded(uri: str, text: str) -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type="text/plain", text=text)
    return EmbeddedResource(type="resource", resource=contents)


@server.tool()
def test_simple_text() -> str:
    """Text."""
    return "This is a simple text response for testing."


@server.tool()
def test_image_content() -> ImageContent:
    """An image."""
    return _image()


@server.tool()
def test_audio_content() -> AudioContent:
    """A sound."""
    return AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")


@server.tool()
def test_embedded_resource() -> EmbeddedResource:
    """A resource."""
    return _embedded("test://embedded-resource", "This is an embedded resource content.")


@server.tool()
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Several things at once."""
    return [
        _text("Multiple content types test:"),
        _image(),
        _embedded("test://mixed-content-resource", '{"test":"data","value":123}'),
    ]


@server.tool()
async def test_tool_with_logging(ctx: AnyContext) -> str:
    """Logs as it goes."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(line)
        await anyio.sleep(0.05)
    return "logged"


@server.tool()
async def test_tool_with_progress(ctx: AnyContext) -> str:
    """Reports as it goes."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
        await anyio.sleep(0.05)
    return "done"


@server.tool()
def test_error_handling() -> str:
    """Fails."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@server.tool()
async def test_sampling(prompt: str, ctx: AnyContext) -> str:
    """Asks the client's model."""
    message = SamplingMessage(role="user", content=_text(prompt))
    answer = await ctx.session.create_message(
        [message], max_tokens=100, related_request_id=ctx.request_context.request_id
    )
    return f"LLM response: {answer.content}"


class Account(BaseModel):
    """The form of `test_elicitation`."""

    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


@server.tool()
async def test_elicitation(message: str, ctx: AnyContext) -> str:
    """Asks the user."""
    answer = await ctx.elicit(message, Account)
    return f"User response: {answer.model_dump_json()}"


class Defaults(BaseModel):
    """The form of `test_elicitation_sep1034_defaults`."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: AnyContext) -> str:
    """Asks with defaults."""
    answer = await ctx.elicit("Please review", Defaults)
    return f"Elicitation completed: {answer.model_dump_json()}"


@server.tool()
async def test_reconnection(ctx: AnyContext) -> str:
    """Closes its stream, and goes on."""
    await ctx.close_sse_stream()
    await anyio.sleep(0.2)
    return "Reconnection test completed successfully"


@server.tool()
async def test_input_required_result_elicitation(ctx: AnyContext) -> str | InputRequiredResult:
    """Asks for input by its result."""
    answers = ctx.input_responses or {}
    if "user_name" in answers:
        content = getattr(answers["user_name"], "content", None) or {}
        return f"Hello, {content.get('name', 'nobody')}!"
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    params = ElicitRequestFormParams(message="What is your name?", requested_schema=schema)
    return InputRequiredResult(input_requests={"user_name": ElicitRequest(params=params)})


@server.resource("test://static-text", mime_type="text/plain")
def static_text() -> str:
    """Text."""
    return "This is the content of the static text resource."


@server.resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    """Bytes."""
    return bytes(range(256))


@server.resource("test://template/{id}/data", mime_type="application/json")
def template(id: str) -> str:  # noqa: A002 -- the suite names it so
    """One of many."""
    return f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}'


@server.resource("test://watched-resource", mime_type="text/plain")
def watched() -> str:
    """Something to subscribe to."""
    return "Watched resource content"


@server.prompt()
def test_simple_prompt() -> str:
    """A prompt."""
    return "This is a simple prompt for testing."


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@server.prompt(name="test_prompt_with_embedded_resource")
def prompt_with_resource(resourceUri: str) -> list[Any]:  # noqa: N803 -- the suite names it so
    """A prompt with a resource."""
    return [_embedded(resourceUri, "Embedded resource content for testing."), "Please process it."]


@server.prompt(name="test_prompt_with_image")
def prompt_with_image() -> list[Any]:
    """A prompt with an image."""
    return [_image(), "Please analyze the image above."]


@server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
async def complete(ref: Any, argument: Any, context: Any) -> Completion:
    """Complete an argument."""
    return Completion(values=["paris", "park", "party"], total=150, has_more=True)


def main() -> None:
    if len(sys.argv) == 1:
        server.run("stdio")
    else:
        server.run("streamable-http", port=int(sys.argv[1]), event_store=Events(), retry_interval=100)


if __name__ == "__main__":
    main()
