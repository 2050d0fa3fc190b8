"""The official MCP SDK's own OAuth client, given nothing but an MCP URL: what a user's client does all day.

    python -m tests.e2e.sdk_client http://localhost:9001/mcp

Runs against any running pair: `doorward up`, the compose stack, one of your own.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mcp import Client

from tests.e2e.sdk import TRUSTED, Memory, Mode, SdkClient, bare_call, call, revoke
from tests.flow import Person


@dataclass
class Visit:
    """The life of one connection, act by act; each begins where the one before it ended.

    Attributes:
        patience_s: an access token that lives longer is not waited for; the client is told that it is over.
    """

    mcp_url: str
    person: Person
    mode: Mode
    patience_s: float
    say: Callable[[str], None]
    memory: Memory = field(default_factory=Memory)

    async def play(self) -> None:
        """All acts.

        Raises:
            AssertionError: something is not as it should be.
        """
        await self.connects_and_steps_up()
        await self.starts_again()
        await self.is_revoked()

    async def connects_and_steps_up(self) -> None:
        sdk = self._client(untick=("notes:write",))
        async with sdk.connected() as client:
            self.say(f"connected by MCP {client.protocol_version}")
            await self._is_logged_in(sdk, client)
            await self._adds_a_note(sdk, client)
            await self._refreshes(sdk, client)

    async def _is_logged_in(self, sdk: SdkClient, client: Client) -> None:
        identity = await call(client, "whoami")
        assert len(sdk.asked) == 1
        assert identity["username"] == self.person.username
        assert "notes:write" not in identity["scopes"]
        self.say(f"discovered, registered, and logged in as {identity['username']}")

    async def _adds_a_note(self, sdk: SdkClient, client: Client) -> None:
        sdk.untick = ()
        text = f"written at {time.time()}"
        await call(client, "add_note", text=text)
        assert len(sdk.asked) == 2
        assert ("POST", self.mcp_url, 403) in sdk.exchanges
        self.say("asked for notes:write when it was needed")
        listed = await call(client, "list_notes")
        assert text in [note["text"] for note in listed["notes"]]
        self.say("added a note and found it in the list")

    async def _refreshes(self, sdk: SdkClient, client: Client) -> None:
        access_token, refresh_token = self.memory.access_token, self.memory.refresh_token
        await self._let_expire(sdk)
        await call(client, "whoami")
        assert self.memory.access_token != access_token
        assert self.memory.refresh_token != refresh_token
        assert len(sdk.asked) == 2
        self.say("refreshed by itself")

    async def _let_expire(self, sdk: SdkClient) -> None:
        assert self.memory.tokens
        life_s = self.memory.tokens.expires_in or 0
        if life_s > self.patience_s:
            sdk.believe_expired()
            return
        deadline = time.monotonic() + 2 * life_s + 5
        while sdk.oauth.context.is_token_valid() or self._is_good(self.memory.access_token):
            assert time.monotonic() < deadline, "an access token outlives its expiry"
            await asyncio.sleep(0.1)

    def _is_good(self, access_token: str) -> bool:
        return bare_call(self.mcp_url, access_token).status_code != 401

    async def starts_again(self) -> None:
        sdk = self._client()
        async with sdk.connected() as client:
            await call(client, "whoami")
        assert sdk.asked == []
        overdue = self._client()
        overdue.believe_expired()
        refresh_token = self.memory.refresh_token
        async with overdue.connected() as client:
            await call(client, "whoami")
        assert overdue.asked == []
        assert self.memory.refresh_token != refresh_token
        self.say("started again with what it had kept, and was not asked to log in")

    async def is_revoked(self) -> None:
        sdk = self._client()
        async with sdk.connected() as client:
            await call(client, "whoami")
            revoke(self.memory)
            refused = bare_call(self.mcp_url, self.memory.access_token)
            assert refused.status_code == 401
            assert 'error="invalid_token"' in refused.headers["www-authenticate"]
            self.say("revoked: calls are answered 401")
            await call(client, "whoami")
        assert ("POST", self.mcp_url, 401) in sdk.exchanges
        assert len(sdk.asked) == 1
        self.say("asked the person again, and is connected again")

    def _client(self, untick: tuple[str, ...] = ()) -> SdkClient:
        return SdkClient(self.mcp_url, self.person, self.memory, self.mode, untick)


async def run(
    mcp_url: str,
    *,
    username: str = "wesen",
    password: str = "secret",
    mode: Mode = "auto",
    patience_s: float = 15.0,
    say: Callable[[str], None] = lambda _line: None,
) -> Memory:
    """Live through a whole connection with the SDK's client.

    Args:
        username: somebody who can log in.
        patience_s: how long to wait for an access token to expire; where one lives longer, the client is made
            to believe that it has.
        say: is told what has been achieved.

    Returns:
        what the client has kept at the end, with tokens that work.

    Raises:
        AssertionError: something is not as it should be.
    """
    person = Person(username, password, trust_env=False, verify=TRUSTED)
    try:
        visit = Visit(mcp_url, person, mode, patience_s, say)
        await visit.play()
        return visit.memory
    finally:
        person.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mcp_url")
    parser.add_argument("--username", default="wesen")
    parser.add_argument("--password", default="secret")
    options = parser.parse_args()
    modes: tuple[Mode, ...] = ("auto", "legacy")
    for mode in modes:
        credentials = {"username": options.username, "password": options.password}
        asyncio.run(run(options.mcp_url, mode=mode, say=print, **credentials))


if __name__ == "__main__":
    main()
