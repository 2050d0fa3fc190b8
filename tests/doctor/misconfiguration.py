"""Misconfigurations as data: how to cause each, and the expected finding of the doctor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.doctor.pair import Pair

WARNING, FAILURE = "warning", "failure"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
SERVER_METADATA = "/.well-known/oauth-authorization-server"
OPENID_METADATA = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Misconfiguration:
    """One thing that is wrong with a pair.

    Attributes:
        check: the check that names it.
        status: how bad that is.
        fix: the sentence that says what to do.
        seed: brings it about.
        also: other checks that must name what follows from it.
        login: whether it shows only after a login.
        tool: a tool that the doctor is to call.
    """

    name: str
    check: str
    status: str
    fix: str
    seed: Callable[[Pair], object]
    also: frozenset[str] = frozenset()
    login: bool = False
    profile: str | None = None
    tool: str | None = None


def nothing_at(pair: Pair, server: str, *paths: str) -> None:
    """404 at these paths."""
    for path in paths:
        pair.replace(server, "*", path, JSONResponse({"error": "not_found"}, 404))


def answering(pair: Pair, server: str, path: str, response: Response, method: str = "*") -> None:
    """`response` at this path."""
    pair.replace(server, method, path, response)


def changing(pair: Pair, path: str, change: Callable[[Request, Response], None]) -> None:
    """`change` for every answer of a path, of either server."""

    def only_there(request: Request, response: Response) -> None:
        if request.url.path == path:
            change(request, response)

    pair.http.changes.append(only_there)


def without_header(pair: Pair, name: str, *paths: str) -> None:
    """Take a header off the answers of these paths."""

    def take_off(_request: Request, response: Response) -> None:
        if name in response.headers:
            del response.headers[name]

    for path in paths:
        changing(pair, path, take_off)


def with_header(pair: Pair, name: str, value: str, path: str) -> None:
    """Set a header wherever it is, in the answers of a path."""

    def put_on(_request: Request, response: Response) -> None:
        if name in response.headers:
            response.headers[name] = value

    changing(pair, path, put_on)


def redirecting(location: str) -> Response:
    """An answer that sends elsewhere, the method kept."""
    return RedirectResponse(location, 307)


START_PAGE = HTMLResponse("<!doctype html><title>An app</title>")
