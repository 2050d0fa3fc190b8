"""Programs that other people wrote, driven as their users drive them."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.gateway.outside.install import fastmcp_python
from tests.interop.browser import Browser
from tests.interop.toolbox import PROGRAMS, node, node_modules
from tests.servers import free_port

ANSWER_TIMEOUT_S = 60
Result = dict[str, Any]


class RealClient(ABC):
    """One start of a client, which keeps what it keeps in its home.

    Args:
        authority: the certificate of the CA of the servers; None without TLS.
    """

    def __init__(self, mcp_url: str, home: Path, browser: Browser, *, authority: Path | None = None) -> None:
        self.mcp_url = mcp_url
        self.home = home
        trust = dict.fromkeys(("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"), str(authority)) if authority else {}
        self.environment = {**browser.environment, "HOME": str(home), **trust, **self.settings()}
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def settings(self) -> Mapping[str, str]:
        """Environment variables of its own."""
        return {}

    @abstractmethod
    def start(self) -> None:
        """Start it."""

    @abstractmethod
    def call(self, tool: str, **arguments: object) -> Result:
        """Call a tool; what it gave back.

        Raises:
            AssertionError: it could not be called.
        """

    @abstractmethod
    def close(self) -> None:
        """End it."""


class Lines:
    """A program that is told lines on stdin and answers with lines on stdout."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def tell(self, message: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps(message)}\n")
        self._process.stdin.flush()

    def hear(self) -> Result:
        """The next line.

        Raises:
            AssertionError: it does not exist.
        """
        try:
            line = self._lines.get(timeout=ANSWER_TIMEOUT_S)
        except queue.Empty:
            line = ""
        assert line, f"no answer: {self._log.read_text()}"
        message: Result = json.loads(line)
        return message

    def close(self) -> None:
        """Close its stdin, upon which it ends; see to that it does."""
        for stream in (self._process.stdin, None):
            if stream:
                stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")


class Scripted(RealClient):
    """A library, in one of our `programs`."""

    def start(self) -> None:
        self._lines = Lines(self.command(), self.environment, self.home / "log")

    @abstractmethod
    def command(self) -> list[str]:
        """The command to run."""

    def attempt(self, tool: str, **arguments: object) -> Result:
        """Call a tool; return what the library gave back or raised."""
        self.begin(tool, **arguments)
        return self.result()

    def begin(self, tool: str, **arguments: object) -> None:
        """Begin to call a tool."""
        self._lines.tell({"tool": tool, "arguments": arguments})

    def result(self) -> Result:
        """Return what the library gave back or raised for the call that has begun."""
        return self._lines.hear()

    def tools(self) -> list[str]:
        """The names of the tools in the server's list."""
        names: list[str] = self.attempt("")["tools"]
        return names

    def call(self, tool: str, **arguments: object) -> Result:
        answer = self.attempt(tool, **arguments)
        assert "error" not in answer, answer["error"]
        assert answer["isError"] is False, answer
        result: Result = answer["result"]
        return result

    def close(self) -> None:
        self._lines.close()


class TypeScriptSdk1(Scripted):
    """`@modelcontextprotocol/sdk`: MCP 2025-11-25."""

    program = "typescript_sdk_1.mjs"

    def command(self) -> list[str]:
        node_modules()
        return [str(node()), str(PROGRAMS / self.program), self.mcp_url, str(self.home / "kept.json")]


class TypeScriptSdk2(TypeScriptSdk1):
    """`@modelcontextprotocol/client`: MCP 2026-07-28."""

    program = "typescript_sdk_2.mjs"


class _WithConfiguredHeader(RealClient):
    """With an `Authorization` header in its configuration, sent wherever it has no token to send."""

    def settings(self) -> Mapping[str, str]:
        return {"CONFIGURED_AUTHORIZATION": "Bearer of-something-else"}


class TypeScriptSdk1WithHeader(_WithConfiguredHeader, TypeScriptSdk1):
    """Generation 1, so configured."""


class TypeScriptSdk2WithHeader(_WithConfiguredHeader, TypeScriptSdk2):
    """Generation 2, so configured."""


class FastMcp(Scripted):
    """The FastMCP client."""

    def command(self) -> list[str]:
        directory = self.home / "kept"
        directory.mkdir(exist_ok=True)
        return [fastmcp_python(), str(PROGRAMS / "fastmcp_client.py"), self.mcp_url, str(directory)]


class McpRemote(RealClient):
    """`mcp-remote`, between us as a host that only knows stdio and the server."""

    def start(self) -> None:
        program = node_modules() / "mcp-remote" / "dist" / "proxy.js"
        self._lines = Lines([str(node()), str(program), self.mcp_url], self.environment, self.home / "log")
        self._numbers = itertools.count()
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "host", "version": "1"},
        }
        self._request("initialize", hello)
        self._lines.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, **arguments: object) -> Result:
        result: Result = self._request("tools/call", {"name": tool, "arguments": arguments})[
            "structuredContent"
        ]
        return result

    def close(self) -> None:
        self._lines.close()

    def _request(self, method: str, params: object) -> Result:
        number = next(self._numbers)
        self._lines.tell({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while (answer := self._lines.hear()).get("id") != number:
            pass
        assert "error" not in answer, answer
        result: Result = answer["result"]
        return result


class Inspector(RealClient):
    """The MCP Inspector's command line, which is started for each call."""

    def settings(self) -> Mapping[str, str]:
        return {
            "MCP_AUTO_OPEN_ENABLED": "true",
            "MCP_INSPECTOR_SECRET_STORE": "file",
            "MCP_OAUTH_CALLBACK_URL": f"http://127.0.0.1:{free_port()}/oauth/callback",
        }

    def start(self) -> None:
        """Nothing runs between calls."""

    def attempt(self, tool: str, **arguments: object) -> Result:
        """Call a tool; return what was printed about it."""
        done = self._call(tool, arguments)
        if done.returncode != 0:
            return {"error": done.stdout + done.stderr}
        result: Result = json.loads(done.stdout)["result"]
        return result

    def tools(self) -> list[str]:
        """The names of the tools in the server's list."""
        done = self._run("tools/list")
        assert done.returncode == 0, done.stdout + done.stderr
        return [tool["name"] for tool in json.loads(done.stdout)["result"]["tools"]]

    def call(self, tool: str, **arguments: object) -> Result:
        done = self._call(tool, arguments)
        if "The access token has expired" in done.stdout:
            # It ended after this program had looked at it, and before the call: the program gives up, and a
            # user starts it again. It then refreshes, or the call fails again.
            done = self._call(tool, arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        result: Result = json.loads(done.stdout)["result"]["structuredContent"]
        return result

    def _call(self, tool: str, arguments: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
        return self._run("tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))

    def _run(self, method: str, *options: str) -> subprocess.CompletedProcess[str]:
        package = node_modules() / "@modelcontextprotocol" / "inspector"
        command = [str(node()), str(package / "clients" / "launcher" / "build" / "index.js"), "--cli"]
        command += ["--server-url", self.mcp_url, "--transport", "http", "--format", "json", "--quiet"]
        return subprocess.run(
            [*command, "--method", method, *options],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_TIMEOUT_S,
            check=False,
        )

    def close(self) -> None:
        """Nothing is left to end."""


CLIENTS: dict[str, type[RealClient]] = {
    "typescript-sdk-1": TypeScriptSdk1,
    "typescript-sdk-2": TypeScriptSdk2,
    "fastmcp": FastMcp,
    "mcp-remote": McpRemote,
    "mcp-inspector": Inspector,
}
"""By the name of their tests; the Python SDK's own client is in `tests/e2e`."""
