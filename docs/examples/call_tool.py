"""A minimal MCP client that logs in through the browser and calls a tool.

python docs/examples/call_tool.py URL TOOL
"""

import asyncio
import sys
import webbrowser
from urllib.parse import parse_qsl, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl


class Memory:
    """Store the registration and the tokens until the program ends."""

    tokens: OAuthToken | None = None
    client_info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client_info = client_info


class Listener:
    """Wait on a loopback port for the redirect with the authorization code."""

    async def start(self) -> str:
        self.parameters = asyncio.get_running_loop().create_future()
        self.server = await asyncio.start_server(self.receive, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/callback"

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, target, _ = (await reader.readline()).decode().split(" ")
        page = b"You can close this window."
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
        writer.close()
        parameters = dict(parse_qsl(urlsplit(target).query))
        if "code" in parameters and not self.parameters.done():
            self.parameters.set_result(parameters)

    async def open_browser(self, url: str) -> None:
        sys.stderr.write(f"Log in in the browser. If no browser opens, go to\n{url}\n")
        await asyncio.to_thread(webbrowser.open, url)

    async def wait(self) -> AuthorizationCodeResult:
        parameters = await self.parameters
        names = ("code", "state", "iss")
        return AuthorizationCodeResult(**{name: parameters[name] for name in names if name in parameters})


async def main(url: str, tool: str) -> None:
    listener = Listener()
    metadata = OAuthClientMetadata(
        client_name="Tutorial client", redirect_uris=[AnyUrl(await listener.start())]
    )
    login = OAuthClientProvider(url, metadata, Memory(), listener.open_browser, listener.wait)
    async with (
        httpx2.AsyncClient(auth=login, timeout=300) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        result = await client.call_tool(tool, {})
        sys.stdout.write(f"{result.structured_content or result.content}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
