"""Clients that the pictures of the documentation show, and their calls."""

from __future__ import annotations

import asyncio

import httpx2

from tests.flow import Client, Person, Pkce
from tests.gateway.upstreams import called, connected

ISSUER, MCP_URL = "http://localhost:9000", "http://localhost:9001/mcp"
USERNAME, PASSWORD = "ada", "seven moss harbours"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CLIENT = "Claude Code"
OTHER_CLIENTS = ("VS Code", "MCP Inspector")
CALLS = (
    ("search", {"text": "release"}),
    ("read_page", {"title": "Release plan"}),
    ("edit_page", {"title": "Release plan", "text": "Ship on Friday."}),
)


def registered(http: httpx2.Client, name: str) -> Client:
    """Register a client of that name, as one on the person's machine does."""
    return Client.register(ISSUER, http, client_name=name)


def authorization_url(http: httpx2.Client, name: str) -> str:
    """Register a client; the URL that it opens in the browser."""
    return registered(http, name).authorization_url(Pkce(), resource=MCP_URL)


def connect_others(http: httpx2.Client) -> None:
    """Connect the other clients, and call tools with their tokens."""
    person = Person(USERNAME, PASSWORD, headers={"User-Agent": BROWSER})
    for name in OTHER_CLIENTS:
        tokens = registered(http, name).connect(person, resource=MCP_URL)
        asyncio.run(_call(tokens["access_token"]))
    person.close()


async def _call(token: str) -> None:
    async with connected(MCP_URL, token) as client:
        for tool, arguments in CALLS:
            await called(client, tool, **arguments)
