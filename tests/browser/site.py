"""A site of somebody else's on this machine: a client that waits for its code, or a page that means harm."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.servers import wait_until


@dataclass(frozen=True)
class Call:
    """A request to the site.

    Attributes:
        parameters: of the query, or of a posted form.
    """

    method: str
    path: str
    parameters: dict[str, str]


@dataclass
class Site:
    """A running site.

    Attributes:
        pages: path to HTML; every other path answers with an empty page.
        cookie: a Set-Cookie header of every answer.
        calls: what it was asked so far, but for icons.
        slow_s: path to the seconds that its answer takes.
    """

    port: int
    pages: dict[str, str] = field(default_factory=dict)
    cookie: str | None = None
    calls: list[Call] = field(default_factory=list)
    slow_s: dict[str, float] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return self.origin_at("127.0.0.1")

    def origin_at(self, host: str) -> str:
        """Its origin under another name."""
        return f"http://{host}:{self.port}"

    def next_call(self) -> Call:
        """The one request that came, or is about to come."""
        wait_until(lambda: bool(self.calls))
        return self.calls.pop()


@contextmanager
def site() -> Iterator[Site]:
    """A site, for the length of the context."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, parameters: str) -> None:
            path = urlsplit(self.path).path
            if path != "/favicon.ico":
                running.calls.append(Call(self.command, path, dict(parse_qsl(parameters))))
            time.sleep(running.slow_s.get(path, 0))
            body = running.pages.get(path, "<!doctype html><title>A client</title>").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            if running.cookie is not None:
                self.send_header("Set-Cookie", running.cookie)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Site(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
